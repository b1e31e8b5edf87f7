use std::fmt;

/// Whether this processor runs AES-GCM in hardware. Without it the cipher still is correct and constant-time, but more
/// than ten times slower: worth a line in the log at start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HardwareAes {
    /// Instructions for AES rounds (AES-NI, ARMv8 AES).
    pub aes: bool,
    /// Carry-less multiplication for the authentication tag (PCLMULQDQ, PMULL).
    pub carryless_multiply: bool,
}

impl HardwareAes {
    /// Both are there.
    pub fn is_accelerated(self) -> bool {
        self.aes && self.carryless_multiply
    }
}

impl fmt::Display for HardwareAes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.aes, self.carryless_multiply) {
            (true, true) => "AES-256-GCM in hardware",
            (true, false) => "AES in hardware, authentication in software (slow)",
            (false, true) => "AES in software (slow), authentication in hardware",
            (false, false) => "AES-256-GCM in software (more than ten times slower)",
        })
    }
}

/// Asks the processor that runs this process.
#[cfg(target_arch = "x86_64")]
pub fn hardware_aes() -> HardwareAes {
    HardwareAes {
        aes: std::arch::is_x86_feature_detected!("aes"),
        carryless_multiply: std::arch::is_x86_feature_detected!("pclmulqdq"),
    }
}

/// Asks the processor that runs this process.
#[cfg(target_arch = "aarch64")]
pub fn hardware_aes() -> HardwareAes {
    HardwareAes {
        aes: std::arch::is_aarch64_feature_detected!("aes"),
        carryless_multiply: std::arch::is_aarch64_feature_detected!("pmull"),
    }
}

/// The cipher has no hardware path on this architecture.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
pub fn hardware_aes() -> HardwareAes {
    HardwareAes { aes: false, carryless_multiply: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_both_together_count_as_accelerated() {
        for (aes, carryless_multiply, accelerated) in
            [(true, true, true), (true, false, false), (false, true, false), (false, false, false)]
        {
            let report = HardwareAes { aes, carryless_multiply };
            assert_eq!(report.is_accelerated(), accelerated);
            assert_eq!(report.to_string().contains("slow"), !accelerated);
        }
    }

    /// The kernel lists the same flags: the report must not claim what the machine has not.
    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    #[test]
    fn agrees_with_the_kernel() {
        let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap();
        let has = |flag| cpu.split_whitespace().any(|word| word == flag);
        assert_eq!(hardware_aes(), HardwareAes { aes: has("aes"), carryless_multiply: has("pclmulqdq") });
    }
}
