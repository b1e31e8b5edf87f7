//! Project Wycheproof's vectors (C2SP) against the very functions that seal, derive and index here: known attacks on
//! implementations, not only known answers. The counts are asserted, so that a filter cannot quietly let everything go.

use hmac::{Hmac, KeyInit};
use sha2::Sha256;
use wycheproof::{TestResult, aead, hkdf, mac};

use crate::aead::Aead;
use crate::blind_index::short_mac;
use crate::keys::hkdf_sha256;

#[test]
fn aes_256_gcm() {
    let set = aead::TestSet::load(aead::TestName::AesGcm).expect("the vectors");
    let (mut good, mut bad) = (0, 0);
    for group in &set.test_groups {
        // The sizes that the envelope uses; it has no way to use another.
        if (group.key_size, group.nonce_size, group.tag_size) != (256, 96, 128) {
            continue;
        }
        for test in &group.tests {
            let aead = Aead::new(test.key.as_slice().try_into().expect("32 bytes"));
            let nonce = test.nonce.as_slice().try_into().expect("12 bytes");
            let tag = test.tag.as_slice().try_into().expect("16 bytes");
            let mut buffer = test.ct.to_vec();
            let opened = aead.decrypt(nonce, &test.aad, &mut buffer, tag);
            if test.result == TestResult::Invalid {
                assert!(opened.is_err(), "{}: {}", test.tc_id, test.comment);
                bad += 1;
                continue;
            }
            opened.unwrap_or_else(|_| panic!("{}: {}", test.tc_id, test.comment));
            assert_eq!(buffer, test.pt.to_vec(), "{}: {}", test.tc_id, test.comment);
            let sealed = aead.encrypt(nonce, &test.aad, &mut buffer).expect("short enough");
            assert_eq!((buffer, sealed), (test.ct.to_vec(), *tag), "{}: {}", test.tc_id, test.comment);
            good += 1;
        }
    }
    assert_eq!((good, bad), (39, 27), "valid and invalid vectors of these sizes");
}

#[test]
fn hmac_sha_256_whole_and_cut() {
    let set = mac::TestSet::load(mac::TestName::HmacSha256).expect("the vectors");
    let (mut good, mut bad) = (0, 0);
    for group in &set.test_groups {
        for test in &group.tests {
            let keyed = Hmac::<Sha256>::new_from_slice(&test.key).expect("any length");
            // 128 bits is what the blind index keeps.
            let computed = match group.tag_size {
                256 => short_mac::<32>(&keyed, &test.msg).to_vec(),
                128 => short_mac::<16>(&keyed, &test.msg).to_vec(),
                other => panic!("vectors of {other} bits are new"),
            };
            let equal = computed == test.tag.to_vec();
            assert_eq!(equal, test.result != TestResult::Invalid, "{}: {}", test.tc_id, test.comment);
            if equal { good += 1 } else { bad += 1 }
        }
    }
    assert_eq!((good, bad), (66, 108), "valid and invalid vectors");
}

#[test]
fn hkdf_sha_256_without_salt() {
    let set = hkdf::TestSet::load(hkdf::TestName::HkdfSha256).expect("the vectors");
    let (mut good, mut bad) = (0, 0);
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        // Roots of keys are uniformly random here, so no salt is used anywhere. What is too long is so with every salt.
        if !test.salt.is_empty() && test.result != TestResult::Invalid {
            continue;
        }
        let mut out = vec![0; test.size];
        let derived = hkdf_sha256(&test.ikm, &test.info, &mut out);
        if test.result == TestResult::Invalid {
            assert!(derived.is_err(), "{}: {}", test.tc_id, test.comment);
            bad += 1;
        } else {
            derived.unwrap_or_else(|_| panic!("{}: {}", test.tc_id, test.comment));
            assert_eq!(out, test.okm.to_vec(), "{}: {}", test.tc_id, test.comment);
            good += 1;
        }
    }
    assert_eq!((good, bad), (23, 3), "valid and invalid vectors without salt");
}
