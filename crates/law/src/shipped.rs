//! The packs and worked cases of this repository, compiled in, so that an offline binary has them. The build script lists
//! what lies under `policies/regulations/`.

include!(concat!(env!("OUT_DIR"), "/shipped.rs"));
