//! Terraform's JSON syntax.

use serde_json::{Value, json};

use super::File;

/// A text that Terraform takes as it is: `${` and `%{` begin templates.
pub(super) fn text(text: &str) -> Value {
    Value::String(text.replace("${", "$${").replace("%{", "%%{"))
}

/// An expression.
pub(super) fn reference(expression: &str) -> Value {
    Value::String(format!("${{{expression}}}"))
}

/// A file beside the configuration, as text.
pub(super) fn file(name: &str) -> Value {
    reference(&format!("file(\"${{path.module}}/{name}\")"))
}

/// A variable without default.
pub(super) fn variable(description: &str) -> Value {
    json!({ "type": "string", "description": description })
}

/// A document as a file; ASCII, because serde_json leaves other characters and we do not.
pub(super) fn document(name: String, value: &Value) -> File {
    // A tree of strings, numbers and lists always serialises.
    let pretty = serde_json::to_string_pretty(value).unwrap_or_default();
    let mut content = String::with_capacity(pretty.len());
    for c in pretty.chars() {
        if c.is_ascii() {
            content.push(c);
        } else {
            // Outside of strings JSON is ASCII, so that this stands inside one.
            for unit in c.encode_utf16(&mut [0; 2]) {
                content.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    content.push('\n');
    File { name, content }
}
