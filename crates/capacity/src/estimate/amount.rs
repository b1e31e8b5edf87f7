//! A figure or a range of figures as people write it: `22`, `3..20 min`, `{"low": 3, "high": 20, "unit": "min"}`.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::distribution::Distribution;
use super::unit::Unit;

/// Longest text of one figure, in bytes.
const MAX_TEXT: usize = 64;

/// A fixed figure, or a range that holds the true figure with 90 % confidence: `low` is its 5th and `high` its 95th
/// percentile. Written as a number, as a text `low..high unit`, or as an object with `low`, `high` (or `value`),
/// `unit` and `distribution`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Amount {
    /// The 5th percentile, or the figure itself.
    pub low: f64,
    /// The 95th percentile; `None` when the figure is fixed.
    pub high: Option<f64>,
    /// Unit of both.
    pub unit: Option<Unit>,
    /// Shape of a range; `None` takes the one that fits what is measured.
    pub distribution: Option<Distribution>,
}

impl Amount {
    /// A fixed figure.
    pub fn fixed(value: f64, unit: Option<Unit>) -> Self {
        Amount { low: value, high: None, unit, distribution: None }
    }

    /// A 90 % range.
    pub fn range(low: f64, high: f64, unit: Option<Unit>) -> Self {
        Amount { low, high: Some(high), unit, distribution: None }
    }

    /// Reads `22`, `22 min`, `3..20 min`, `35..80%`. Digits, one point and `_` between digits; no exponent, no comma,
    /// no sign, so that each figure has one reading only.
    pub fn parse(text: &str) -> Result<Self, String> {
        const FORM: &str = "write `22`, `30 s` or `3..20 min`";
        if text.len() > MAX_TEXT {
            return Err(format!("a figure of {} bytes is too long; {FORM}", text.len()));
        }
        if text.contains(',') {
            return Err(format!(
                "`{text}` has a comma; write a decimal point, and no separator of thousands"
            ));
        }
        let trimmed = text.trim();
        let end = trimmed
            .find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '_' | ' ')))
            .unwrap_or(trimmed.len());
        let (numbers, unit) = trimmed.split_at(end);
        let unit = match unit.trim() {
            "" => None,
            word => Some(Unit::parse(word).ok_or_else(|| {
                format!("`{text}` has the unknown unit `{word}`; {FORM}; the units are {}", Unit::known())
            })?),
        };
        let number = |digits: &str| -> Result<f64, String> {
            let digits = digits.trim();
            let plain = !digits.is_empty()
                && digits.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | '_'))
                && digits.chars().next().is_some_and(|c| c.is_ascii_digit())
                && digits.chars().last().is_some_and(|c| c.is_ascii_digit());
            let parsed = if plain { digits.replace('_', "").parse().ok() } else { None };
            parsed.ok_or_else(|| format!("`{text}` is not a figure; {FORM}"))
        };
        let (low, high) = match numbers.split_once("..") {
            Some((low, high)) => (number(low)?, Some(number(high)?)),
            None => (number(numbers)?, None),
        };
        Ok(Amount { low, high, unit, distribution: None })
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { low, high, unit, distribution: _ } = self;
        write!(f, "{low}")?;
        if let Some(high) = high {
            write!(f, "..{high}")?;
        }
        unit.map_or(Ok(()), |unit| write!(f, " {}", unit.as_str()))
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Amount {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Amount".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let parts = generator.subschema_for::<Parts>();
        schemars::json_schema!({
            "description": "A fixed figure, or a range that holds the true figure with 90 % confidence: `22`, `3..20 min`, or its parts.",
            "anyOf": [{ "type": "number" }, { "type": "string", "maxLength": MAX_TEXT }, parts],
        })
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match *self {
            Amount { low, high: None, unit: None, distribution: None } => s.serialize_f64(low),
            Amount { low, high, unit, distribution: Some(distribution) } => {
                let (value, low) = if high.is_some() { (None, Some(low)) } else { (Some(low), None) };
                Parts { value, low, high, unit, distribution: Some(distribution) }.serialize(s)
            }
            _ => s.collect_str(self),
        }
    }
}

#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct Parts {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    value: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    low: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    high: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unit: Option<Unit>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    distribution: Option<Distribution>,
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_any(AmountVisitor)
    }
}

struct AmountVisitor;

impl<'de> de::Visitor<'de> for AmountVisitor {
    type Value = Amount;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, a text such as `3..20 min`, or an object with `low` and `high`")
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Amount, E> {
        Ok(Amount::fixed(value, None))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Amount, E> {
        // Beyond 2^53 a count is rounded; the limits of every figure lie below that.
        self.visit_f64(value as f64)
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Amount, E> {
        self.visit_f64(value as f64)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Amount, E> {
        Amount::parse(text).map_err(E::custom)
    }

    fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Amount, A::Error> {
        let parts = Parts::deserialize(de::value::MapAccessDeserializer::new(map))?;
        let Parts { value, low, high, unit, distribution } = parts;
        match (value, low, high) {
            (Some(value), None, None) => Ok(Amount { low: value, high: None, unit, distribution }),
            (None, Some(low), Some(high)) => Ok(Amount { low, high: Some(high), unit, distribution }),
            _ => Err(de::Error::custom(
                "a figure has either `value`, or both `low` and `high`; write one of them",
            )),
        }
    }
}
