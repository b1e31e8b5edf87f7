//! The program.

/// Lists of people are made of many small strings that live as long as one request; the allocator of libc took 18 % of their time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    suimon::cli::main()
}
