//! Sealing and opening a field against the bare `aes-gcm` crate, in turns in one run: `cargo bench -p envelope --bench
//! against_raw`. Aim: 0.85 of its speed.
//!
//! Both keep the key schedule, draw a random nonce, authenticate the same additional data and give a new buffer. The
//! envelope adds the encoding of the place, layout and versions, the check that the text is UTF-8, and the wiping of what it
//! opened; that is what the ratio shows. `ROUNDS` (301), each of 2,000 operations; medians.

#![expect(clippy::print_stdout, reason = "a bench tells its figures")]

use std::hint::black_box;
use std::time::Instant;

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use envelope::{FieldCipher, FieldContext, Plaintext, SubjectKey};
use rand::{Rng, SeedableRng, rngs::StdRng};

const OPERATIONS: u32 = 2000;
const PLACE: FieldContext<'static> = FieldContext {
    tenant: [1; 16],
    record_type: "applicant",
    subject: [2; 16],
    field: "date_of_birth",
    key_version: 1,
};
/// As many bytes as the envelope encodes of this place: format and purpose, seven lengths, two ids, two names, a version.
const AAD: [u8; 2 + 7 * 2 + 2 * 16 + 9 + 13 + 4] = [7; 74];

fn main() {
    let rounds = std::env::var("ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(301);
    println!("{}", envelope::hardware_aes());
    println!("{:>6}  {:<5}  {:>9}  {:>9}  ratio", "bytes", "", "raw", "envelope");
    for length in [16, 64, 256, 1024, 4096] {
        let mut rng = StdRng::seed_from_u64(7);
        let raw = Aes256Gcm::new(&[9; 32].into());
        let cipher = FieldCipher::new(&SubjectKey::generate(&mut rng));
        let text = "x".repeat(length);
        let value = Plaintext::from(text.as_str());
        let nonce = [3; 12];
        let raw_sealed =
            raw.encrypt(&nonce.into(), Payload { msg: text.as_bytes(), aad: &AAD }).expect("sealed");
        let sealed = cipher.seal(&PLACE, &value, &mut rng).expect("sealed");
        assert_eq!(sealed.len(), raw_sealed.len() + nonce.len() + 5, "the same work, and 5 bytes of layout");

        let mut rng_raw = StdRng::seed_from_u64(8);
        let (one, two) = in_turns(
            rounds,
            || {
                let mut nonce = [0; 12];
                rng_raw.fill_bytes(&mut nonce);
                let payload = Payload { msg: black_box(text.as_bytes()), aad: black_box(&AAD) };
                raw.encrypt(&Nonce::from(nonce), payload).expect("sealed")
            },
            || cipher.seal(black_box(&PLACE), black_box(&value), &mut rng).expect("sealed"),
        );
        report(length, "seal", one, two);
        let (one, two) = in_turns(
            rounds,
            || {
                let payload = Payload { msg: black_box(&raw_sealed), aad: black_box(&AAD) };
                raw.decrypt(&nonce.into(), payload).expect("opened")
            },
            || cipher.open(black_box(&PLACE), black_box(&sealed)).expect("opened"),
        );
        report(length, "open", one, two);
    }
}

/// Nanoseconds an operation of each: medians over rounds that follow each other, so that both see the same machine.
fn in_turns<A, B>(rounds: usize, mut one: impl FnMut() -> A, mut two: impl FnMut() -> B) -> (f64, f64) {
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        first.push(time(&mut one));
        second.push(time(&mut two));
    }
    (median(first), median(second))
}

fn time<T>(mut operation: impl FnMut() -> T) -> f64 {
    let start = Instant::now();
    for _ in 0..OPERATIONS {
        black_box(operation());
    }
    start.elapsed().as_nanos() as f64 / f64::from(OPERATIONS)
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

fn report(length: usize, what: &str, raw: f64, envelope: f64) {
    println!("{length:>6}  {what:<5}  {raw:>6.0} ns  {envelope:>6.0} ns  {:.2}", raw / envelope);
}
