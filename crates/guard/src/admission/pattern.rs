//! Patterns over paths: the routes' own shape (`*` one segment, a final `**` any number), and `{tenant}` for a segment that says
//! whose page it is.

use edge::{MAX_PATTERN, MAX_PATTERN_SEGMENTS};

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Literal(Box<str>),
    Any,
    Tenant,
    Rest,
}

/// A pattern. It matches decoded paths alone: one that servers read in two ways (`%2f`, `..`, `;`) matches none, so that nobody
/// gets through a door by another spelling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern(Box<[Segment]>);

impl Pattern {
    /// What is wrong with it is a sentence's end.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        if text.len() > MAX_PATTERN {
            return Err("is longer than 1,024 bytes");
        }
        let plain = edge::canonical(text).is_ok_and(|decoded| decoded == text);
        let Some(rest) = text.strip_prefix('/').filter(|_| plain || text.contains('{')) else {
            return Err("is no plain path that begins with `/`");
        };
        let texts: Vec<&str> = rest.split('/').collect();
        if texts.len() > MAX_PATTERN_SEGMENTS {
            return Err("has more than 32 segments");
        }
        let segment = |(at, text): (usize, &&str)| match *text {
            "*" => Ok(Segment::Any),
            "{tenant}" => Ok(Segment::Tenant),
            "**" if at + 1 == texts.len() => Ok(Segment::Rest),
            text if text.contains(['*', '{', '}']) => {
                Err("has `*` or a brace inside a segment, or `**` before its end")
            }
            text => Ok(Segment::Literal(text.into())),
        };
        Ok(Self(texts.iter().enumerate().map(segment).collect::<Result<_, _>>()?))
    }

    /// Whether a tenant's name is in it.
    pub(super) fn names_tenant(&self) -> bool {
        self.0.contains(&Segment::Tenant)
    }

    /// None: it does not match. A match without a tenant's name gives the empty one.
    pub(super) fn matches<'p>(&self, path: &'p str) -> Option<&'p str> {
        let mut texts = path.strip_prefix('/')?.split('/');
        let mut tenant = "";
        for segment in &self.0 {
            if *segment == Segment::Rest {
                return Some(tenant);
            }
            let text = texts.next()?;
            match segment {
                Segment::Literal(literal) if **literal == *text => {}
                Segment::Any if !text.is_empty() => {}
                Segment::Tenant if !text.is_empty() => tenant = text,
                Segment::Literal(_) | Segment::Any | Segment::Tenant | Segment::Rest => return None,
            }
        }
        texts.next().is_none().then_some(tenant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_matches() {
        let pattern = |text: &str| Pattern::parse(text).unwrap();
        assert_eq!(pattern("/s/{tenant}/**").matches("/s/north/apply/1"), Some("north"));
        assert_eq!(pattern("/s/{tenant}/**").matches("/s/north"), Some("north"));
        assert_eq!(pattern("/s/{tenant}/**").matches("/s"), None);
        assert_eq!(pattern("/s/{tenant}").matches("/s/"), None);
        assert_eq!(pattern("/assets/**").matches("/assets/a/b.css"), Some(""));
        assert_eq!(pattern("/assets/*").matches("/assets/a/b.css"), None);
        assert_eq!(pattern("/").matches("/"), Some(""));
        for wrong in ["assets", "/a/**/b", "/a*", "/{who}", "/a/../b", "/a//b", "/a%2fb", "/%61"] {
            assert!(Pattern::parse(wrong).is_err(), "{wrong}");
        }
    }
}
