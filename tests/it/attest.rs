//! How a system's requirements stand, for people and for other tools: `suimon attest`.

use serde_json::{Value, json};

use crate::harness::TestApp;
use crate::requirements::apply;
use crate::vault_support::run;

const FILES: [(&str, &str); 4] = [
    ("system.yaml", include_str!("../../examples/vaccine-booking/manifests/system.yaml")),
    ("estimate.yaml", include_str!("../../examples/vaccine-booking/manifests/estimate.yaml")),
    ("probes.yaml", include_str!("../../examples/vaccine-booking/manifests/probes.yaml")),
    ("requirements.yaml", include_str!("../../examples/vaccine-booking/manifests/requirements.yaml")),
];

#[tokio::test(flavor = "multi_thread")]
async fn what_is_answered_and_what_nobody_thought_of() {
    let app = TestApp::new().await;
    apply(&app.admin(), &FILES, "ordering", false).await;
    let query = "mutation($input: EvidenceInput!) { recordEvidence(input: $input) { __typename } }";
    let seen = json!({ "requirement": "VAX-CAP-001", "collector": "VAX-PRB-LOAD", "observed": 390 });
    let answer = app.admin().gql_with(query, json!({ "input": seen })).await;
    assert_eq!(answer["data"]["recordEvidence"]["__typename"], "Evidence", "{answer}");
    let attest = |more: &[&str]| run(&app, &[&["attest"], more, &["--system", "vaccine-booking"]].concat());

    let (code, out, error) = attest(&["coverage"]);
    assert_eq!((code, error.as_str()), (0, ""), "{out}");
    insta::assert_snapshot!(out);
    let (code, out, _) = attest(&["coverage", "--catalogue", "asvs", "--all"]);
    assert!(code == 0 && out.contains("14.3.2") && !out.contains("--copy reads your own"), "{out}");
    let (code, out, _) = attest(&["coverage", "--catalogue", "owasp-secreq-ja", "--all"]);
    assert!(code == 0 && out.contains("7.9.1") && out.contains("--copy reads your own"), "{out}");

    let (code, out, error) = attest(&["cyclonedx"]);
    assert_eq!((code, error.as_str()), (0, ""));
    let bom: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!((&bom["bomFormat"], &bom["specVersion"]), (&json!("CycloneDX"), &json!("1.6")));
    assert!(out.contains("VAX-PRB-LOAD"), "the evidence is in it");
    let (code, out, _) = attest(&["openslo"]);
    assert!(code == 0 && out.contains("openslo/v1"), "{out}");

    let sheet = app.folder().join("sheet.csv").display().to_string();
    let (code, _, error) = attest(&["sheet", "--into", &sheet]);
    assert_eq!(code, 0, "{error}");
    let bytes = std::fs::read(&sheet).unwrap();
    assert!(bytes.starts_with(&[0xef, 0xbb, 0xbf]), "Excel opens it as UTF-8");
    let (code, _, error) = attest(&["sheet", "--into", &sheet]);
    assert!(code == 2 && error.contains("cannot be written"), "{error}");
    let (code, _, error) = attest(&["coverage", "--copy", &sheet]);
    assert!(code == 2 && error.contains("--copy"), "{error}");
    let (code, _, error) = attest(&["coverage", "--model", "high"]);
    assert!(code == 2 && error.contains("--copy"), "what is shipped has no levels: {error}");
    let (code, _, error) = run(&app, &["attest", "coverage", "--system", "nothing"]);
    assert!(code != 0 && error.contains("not found"), "{error}");
}
