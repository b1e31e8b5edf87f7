//! Doors for the fuzz targets (`fuzz/`) to parsers that nobody else calls from outside. Compiled for them alone.

use std::sync::OnceLock;

use crate::config::{Sources, load};
use crate::graphql::documents::{Asked, Documents};
use crate::requirements::manifest::{ManifestSet, parse_files};
use crate::vault::fuzzing::read_rows;

/// A GraphQL document under the default limits: whether it would be executed.
pub fn graphql_document(text: &str) -> bool {
    static DOCUMENTS: OnceLock<Documents> = OnceLock::new();
    let documents = DOCUMENTS.get_or_init(|| {
        let config = load(&Sources::default()).expect("the defaults are in order");
        Documents::new(&config.graphql).expect("no list is named")
    });
    documents.find(Asked::Text(text.to_owned())).is_ok()
}

/// A file of people for the example's applicants: rows that are in order and rows that are refused. Panics when a reason quotes
/// more than a name may be long.
pub fn import_file(csv: bool, shift_jis: bool, bytes: &[u8]) -> (usize, usize) {
    static EXAMPLE: OnceLock<ManifestSet> = OnceLock::new();
    let example = EXAMPLE.get_or_init(|| {
        let file = ("system.yaml", include_bytes!("../examples/online-application/manifests/system.yaml"));
        parse_files([file]).expect("the example is in order")
    });
    let system = example.system("online-application").expect("the example's system");
    read_rows(csv, shift_jis, bytes, system.record_type("applicant").expect("its applicants"))
}
