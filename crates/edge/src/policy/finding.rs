//! What was wrong. A finding names a route and a kind of fault and nothing that came with the request or response.

use crate::rules::Mode;

/// Declares the kinds of faults that something looks for: a word for storage and a grade each. For the guard's other mechanisms too.
#[doc(hidden)]
#[macro_export]
macro_rules! fault_kinds {
    ($(#[$about:meta])* pub enum $kind:ident { $($(#[$doc:meta])* $name:ident = $code:literal, $grade:ident;)* }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum $kind {
            $($(#[$doc])* $name,)*
        }

        impl $kind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Stable code for storage and interfaces.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// How bad it is.
            pub const fn grade(self) -> $crate::policy::Grade {
                match self { $(Self::$name => $crate::policy::Grade::$grade,)* }
            }
        }
    };
}

fault_kinds! {
    /// A kind of fault.
    pub enum Kind {
        /// No route covers the path; it was treated as personal.
        UndeclaredRoute = "undeclared_route", Note;
        /// A route covers the path, but not the method; it was treated as personal.
        UndeclaredMethod = "undeclared_method", Note;
        /// A public path that some server may take for a personal one; it was treated as personal.
        DoubtfulPath = "doubtful_path", Weakness;
        /// A path that servers read differently.
        ConfusedPath = "confused_path", Weakness;
        /// A suffix under a personal route that it does not declare: the shape of web cache deception.
        UnknownSuffix = "unknown_suffix", Weakness;
        /// The request asked whether a copy is still good; a personal route never confirms one.
        ConditionalRequest = "conditional_request", Note;
        /// The origin answered 304 on a personal route although nobody asked on whose behalf.
        NotModified = "not_modified", Leak;
        /// `Cache-Control` is absent: some caches keep such a response by default, and RFC 9111 lets them guess a lifetime.
        CacheControlAbsent = "cache_control_absent", Leak;
        /// `Cache-Control` permits a shared cache to keep the response (`public`, `s-maxage`, a lifetime, `must-revalidate`
        /// without `no-store`).
        CacheControlPermits = "cache_control_permits", Leak;
        /// `Cache-Control` forbids it, but not in all the words that careless caches need.
        CacheControlIncomplete = "cache_control_incomplete", Weakness;
        /// `CDN-Cache-Control` (RFC 9213) is absent.
        CdnCacheControlAbsent = "cdn_cache_control_absent", Note;
        /// `CDN-Cache-Control` permits storing; it goes before `Cache-Control`.
        CdnCacheControlPermits = "cdn_cache_control_permits", Leak;
        /// `Surrogate-Control` is absent.
        SurrogateControlAbsent = "surrogate_control_absent", Note;
        /// `Surrogate-Control` permits storing; it goes before `Cache-Control`.
        SurrogateControlPermits = "surrogate_control_permits", Leak;
        /// `X-Accel-Expires` is absent.
        AccelExpiresAbsent = "accel_expires_absent", Note;
        /// `X-Accel-Expires` gives nginx a lifetime; it goes before everything.
        AccelExpiresPermits = "accel_expires_permits", Leak;
        /// A vendor's own cache field (`Cloudflare-CDN-Cache-Control`, `Edge-Control`), which goes before all others there, or a
        /// tag for grouping stored copies.
        VendorCacheField = "vendor_cache_field", Weakness;
        /// `Vary` does not name `Cookie` and `Authorization`.
        VaryIncomplete = "vary_incomplete", Weakness;
        /// `Expires` is present; `0` and 1970 count as absent to Varnish.
        ExpiresPresent = "expires_present", Weakness;
        /// `ETag` or `Last-Modified` is present: a cache may keep the response to ask again, and guess a lifetime.
        ValidatorPresent = "validator_present", Weakness;
        /// `Age` is present.
        AgePresent = "age_present", Weakness;
        /// `Pragma` is present: undefined in responses.
        PragmaPresent = "pragma_present", Note;
        /// `No-Vary-Search` is present: it widens what a stored copy answers.
        NoVarySearchPresent = "no_vary_search_present", Weakness;
        /// A personal response says that it came out of some cache on its way here. No header undoes that.
        ServedFromStore = "served_from_store", Leak;
        /// A public route set a cookie.
        PublicSetsCookie = "public_sets_cookie", Leak;
        /// A public route's origin forbade storing.
        PublicSaysPrivate = "public_says_private", Leak;
        /// A public route's response varies by cookie, authorization or everything.
        PublicVariesByPerson = "public_varies_by_person", Leak;
        /// A public route was asked with `Authorization`.
        PublicWithAuthorization = "public_with_authorization", Weakness;
        /// A public route's response carries a subject's tag.
        PublicNamesSubject = "public_names_subject", Leak;
        /// A public route's response challenges, signs in or clears the person's data.
        PublicAuthenticates = "public_authenticates", Leak;
        /// A public route answered with an error or a redirect: what it declares about caching is not about those.
        PublicStatus = "public_status", Note;
        /// A public route's headers are not what it declares.
        PublicDiffers = "public_differs", Note;
    }
}

impl Kind {
    /// Whether changed headers, a changed status or a refused request undo it.
    pub const fn is_correctable(self) -> bool {
        !matches!(self, Self::ServedFromStore | Self::UndeclaredRoute | Self::UndeclaredMethod)
    }

    const fn bit(self) -> u64 {
        1 << self as u8
    }
}

/// How bad a fault is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Grade {
    /// Worth knowing.
    Note,
    /// Protects less than it should, with some caches.
    Weakness,
    /// As it was, a cache in common use could have kept the response and shown it to somebody else.
    Leak,
}

impl Grade {
    /// Name for machines.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Weakness => "weakness",
            Self::Leak => "leak",
        }
    }
}

/// What came of a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Effect {
    /// Mode `observe`: nothing was changed; count it.
    Measured,
    /// Mode `audit`, or nothing that headers can correct: nothing was changed; tell it.
    Reported,
    /// Mode `enforce`: it left corrected.
    Corrected,
}

impl Effect {
    /// Name for machines.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Measured => "measured",
            Self::Reported => "reported",
            Self::Corrected => "corrected",
        }
    }
}

/// One fault of one request or response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Finding<'t> {
    /// Name of the declared route, if one covers the request for sure.
    pub route: Option<&'t str>,
    /// What was wrong.
    pub kind: Kind,
    /// What came of it.
    pub effect: Effect,
}

/// The faults of one request or response: a set, without allocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Findings<'t> {
    route: Option<&'t str>,
    mode: Mode,
    kinds: u64,
}

impl<'t> Findings<'t> {
    pub(super) const fn new(route: Option<&'t str>, mode: Mode) -> Self {
        Self { route, mode, kinds: 0 }
    }

    pub(super) const fn add(&mut self, kind: Kind) {
        self.kinds |= kind.bit();
    }

    /// Name of the declared route that they are of, if one covers the request for sure.
    pub const fn route(&self) -> Option<&'t str> {
        self.route
    }

    /// Whether nothing was wrong.
    pub const fn is_empty(&self) -> bool {
        self.kinds == 0
    }

    /// Whether this kind is among them.
    pub const fn contains(&self, kind: Kind) -> bool {
        self.kinds & kind.bit() != 0
    }

    /// The worst grade.
    pub fn worst(&self) -> Option<Grade> {
        self.iter().map(|finding| finding.kind.grade()).max()
    }

    /// Each of them, in the order of [`Kind::ALL`].
    pub fn iter(&self) -> impl Iterator<Item = Finding<'t>> + use<'t> {
        let Self { route, mode, kinds } = *self;
        Kind::ALL.iter().copied().filter(move |kind| kinds & kind.bit() != 0).map(move |kind| Finding {
            route,
            kind,
            effect: match mode {
                Mode::Observe => Effect::Measured,
                Mode::Enforce if kind.is_correctable() => Effect::Corrected,
                Mode::Enforce | Mode::Audit => Effect::Reported,
            },
        })
    }
}

const _: () = assert!(Kind::ALL.len() <= 64, "a set of kinds is 64 bits");
