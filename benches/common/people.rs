//! Made-up people for benches.

/// The values of a made-up worker: as many characters as real ones have.
pub fn worker(number: usize) -> [(&'static str, String); 8] {
    let (year, month, day) = (1955 + number % 45, 1 + number % 12, 1 + number % 28);
    [
        ("full_name", format!("医療 従事者{number}")),
        ("date_of_birth", format!("{year}-{month:02}-{day:02}")),
        ("occupation", ["医師", "看護師", "薬剤師", "臨床検査技師"][number % 4].to_owned()),
        ("ticket_number", format!("{:010}", number * 7 + 3)),
        ("email", format!("worker{number}@clinic.example")),
        ("phone", format!("090-{:04}-{:04}", number / 10_000 % 10_000, number % 10_000)),
        ("language", "ja".to_owned()),
        ("booking_number", format!("B{number:09}")),
    ]
}
