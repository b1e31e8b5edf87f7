//! The tripwire in a real browser, behind real caches that give one person's page to the next.
//!
//! Wants chromium, nginx and varnish; a missing one fails the tests and names its package (`script/test` installs them).

mod browser;
mod cache;
mod leaks;
mod scene;
