//! The exported JavaScript under node: fed with events, asked for results. CloudFront and Cloudflare themselves are not run.

use std::io::Write as _;
use std::process::{Command, Stdio};

use edge::export::{cloudflare, cloudfront};
use serde_json::Value;

use crate::export::options;
use crate::founding;

/// Runs a program under node and returns what it printed. A missing node fails the test: what was not run was not tested.
fn node(arguments: &[&str], program: &str) -> String {
    let mut child = Command::new("node")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("node: {error}; install it (Debian: apt-get install -y nodejs)"));
    child
        .stdin
        .take()
        .expect("a pipe was asked for")
        .write_all(program.as_bytes())
        .expect("node reads its program");
    let output = child.wait_with_output().expect("node ends");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("node prints text")
}

const TARO: &str = "v1.k1.0123456789abcdef0123456789abcdef";
const HANA: &str = "v1.k1.ffffffffffffffffffffffffffffffff";

#[test]
fn the_cloudfront_function_compares() {
    let bundle = cloudfront(&founding(), &options(true)).expect("a plain name");
    let code = bundle.file("suimon-online-application-viewer-response.js").expect("the function");
    node(&["--check", "-"], code);
    let driver = format!(
        r#"{code}
function ask(tag, cookie) {{
  var event = {{ request: {{ cookies: cookie ? {{ "__Host-suimon-viewer": cookie }} : {{}}, headers: {{}} }},
    response: {{ statusCode: 200, headers: tag ? {{ "suimon-subject-tag": tag }} : {{}}, cookies: {{ sid: {{ value: "s" }} }} }} }};
  var out = handler(event);
  return [out.statusCode, out === event.response, (out.headers["cache-control"] || {{}}).value, "cookies" in out];
}}
var v = function (value) {{ return {{ value: value }}; }};
console.log(JSON.stringify([
  ask(v("{TARO}"), v("{TARO}")), ask(v("anonymous"), null), ask(v("anonymous"), v("{HANA}")),
  ask(v("{TARO}"), v("{HANA}")), ask(v("{TARO}"), null), ask(null, v("{TARO}")), ask(null, null), ask(v(""), v("")),
  ask(v("{TARO}"), {{ value: "{TARO}", multiValue: [v("{TARO}"), v("{HANA}")] }}),
  ask({{ value: "{TARO}", multiValue: [v("{TARO}"), v("{HANA}")] }}, v("{TARO}")),
]));"#
    );
    let results: Vec<Value> = serde_json::from_str(&node(&["-"], &driver)).expect("JSON");
    for (at, result) in results.iter().enumerate() {
        if at < 3 {
            assert_eq!((&result[0], &result[1]), (&200.into(), &true.into()), "{at}");
        } else {
            // No body, no cookie of the other person, nothing to store.
            assert_eq!((&result[0], &result[3]), (&409.into(), &false.into()), "{at}");
            assert_eq!(result[2], edge::policy::CACHE_CONTROL, "{at}");
        }
    }
    assert_eq!(results.len(), 10);
}

#[test]
fn the_worker_classifies_seals_and_compares() {
    let bundle = cloudflare(&founding(), &options(true)).expect("a plain name");
    let code = bundle.file("suimon-online-application-worker.mjs").expect("the Worker");
    node(&["--input-type=module", "--check", "-"], code);
    let driver = code.replace("export default", "const worker =")
        + &format!(
            r#"
let seen;
async function ask(path, options) {{
  globalThis.fetch = async (request) => {{
    seen = request;
    // Not to be made with `new`; a platform gives it when both sides agreed.
    if (options.status === 101) return {{ status: 101, headers: new Headers(), text: async () => "body" }};
    return new Response(options.status === 304 ? null : "body", {{ status: options.status || 200, headers: options.response || {{}} }});
  }};
  seen = undefined;
  const out = await worker.fetch(new Request("https://example.jp" + path, {{ method: options.method || "GET", headers: options.request || {{}} }}));
  return {{ status: out.status, control: out.headers.get("cache-control"), vary: out.headers.get("vary"), etag: out.headers.get("etag"),
    cookie: out.headers.get("set-cookie"), body: await out.text(), asked: seen !== undefined, condition: seen ? seen.headers.get("if-none-match") : null, channel: seen ? seen.headers.get("x-suimon-channel") : null }};
}}
const me = {{ cookie: "sid=1; __Host-suimon-viewer={TARO}" }}, tag = {{ "suimon-subject-tag": "{TARO}" }};
const out = {{
  own: await ask("/mypage", {{ request: {{ ...me, "if-none-match": "x", "x-suimon-channel": "call_centre" }}, response: {{ ...tag, etag: "x", vary: "Accept", "cache-control": "public, max-age=60" }} }}),
  other: await ask("/mypage", {{ request: {{ cookie: "__Host-suimon-viewer={HANA}" }}, response: {{ ...tag, "set-cookie": "sid=taro" }} }}),
  twice: await ask("/mypage", {{ request: {{ cookie: me.cookie + "; __Host-suimon-viewer={HANA}" }}, response: tag }}),
  none: await ask("/mypage", {{ response: tag }}),
  untagged: await ask("/mypage", {{ request: me }}),
  outage: await ask("/mypage", {{ request: me, status: 503 }}),
  tunnel: await ask("/mypage", {{ request: me, status: 101 }}),
  number: await ask("/undeclared/%41", {{ response: {{ "suimon-subject-tag": "anonymous", "cache-control": "public, max-age=60" }} }}),
  anonymous: await ask("/mypage", {{ response: {{ "suimon-subject-tag": "anonymous" }} }}),
  misfiled: await ask("/assets/a.css", {{ response: tag }}),
  public: await ask("/assets/a.css", {{ request: {{ "if-none-match": "x", "x-suimon-channel": "call_centre" }}, response: {{ "cache-control": "public, max-age=3600", etag: "x" }} }}),
  cookie: await ask("/assets/a.css", {{ response: {{ "cache-control": "public, max-age=3600", "set-cookie": "a=b" }} }}),
  error: await ask("/assets/a.css", {{ status: 404 }}),
  deception: await ask("/mypage/x.css", {{ request: me, response: tag }}),
  parameter: await ask("/mypage;x.css", {{ request: me, response: tag }}),
  slash: await ask("/assets/..%2fmypage", {{ request: me, response: tag }}),
  pdf: await ask("/mypage/a.PDF", {{ request: me, response: tag }}),
  mine: await ask("/slots/MINE", {{ request: me, response: tag }}),
  slots: await ask("/slots/1", {{}}),
  bearer: await ask("/slots/1", {{ request: {{ authorization: "Bearer x" }}, response: {{ "suimon-subject-tag": "anonymous" }} }}),
}};
console.log(JSON.stringify(out));
"#
        );
    let out: Value = serde_json::from_str(&node(&["--input-type=module", "-"], &driver)).expect("JSON");
    let is_sealed = |name: &str| out[name]["control"] == edge::policy::CACHE_CONTROL;
    for (name, status, sealed) in [
        ("own", 200, true),
        ("other", 409, true),
        ("twice", 409, true),
        ("none", 409, true),
        ("untagged", 409, true),
        ("outage", 503, true),
        ("tunnel", 101, false),
        ("number", 200, true),
        ("anonymous", 200, true),
        ("misfiled", 409, true),
        ("public", 200, false),
        ("cookie", 200, true),
        ("error", 404, true),
        ("deception", 404, true),
        ("parameter", 404, true),
        ("slash", 404, true),
        ("pdf", 200, true),
        ("mine", 200, true),
        ("slots", 200, false),
        ("bearer", 200, true),
    ] {
        assert_eq!(
            (&out[name]["status"], is_sealed(name)),
            (&status.into(), sealed),
            "{name}: {}",
            out[name]
        );
        let is_refused = status == 409 || name == "outage" || !out[name]["asked"].as_bool().expect("a flag");
        assert_eq!(out[name]["body"], if is_refused { "" } else { "body" }, "{name}");
    }
    assert_eq!(out["own"]["vary"], "Cookie, Authorization, Accept");
    assert_eq!((&out["own"]["etag"], &out["own"]["condition"]), (&Value::Null, &Value::Null));
    assert_eq!((&out["public"]["etag"], &out["public"]["condition"]), (&"x".into(), &"x".into()));
    assert_eq!((&out["own"]["channel"], &out["public"]["channel"]), (&Value::Null, &Value::Null));
    assert_eq!(out["other"]["cookie"], Value::Null, "a refused response takes its cookie along");
    assert_eq!(out["deception"]["asked"], false);
}
