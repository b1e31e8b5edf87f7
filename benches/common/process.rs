//! What this process has used so far, as Linux counts it.

/// Seconds of processor time; zero elsewhere. On a busy machine they tell more than the clock.
pub fn processor() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks: f64 =
        after_name.split_whitespace().skip(11).take(2).filter_map(|text| text.parse::<f64>().ok()).sum();
    ticks / 100.0
}

/// Memory of a kind (`VmHWM:` is the peak); `?` where there is no such count.
pub fn memory(kind: &str) -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(kind));
    line.map_or_else(|| "?".to_owned(), |text| text.trim().to_owned())
}
