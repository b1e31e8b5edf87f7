//! The program.

fn main() -> std::process::ExitCode {
    suimon::cli::main()
}
