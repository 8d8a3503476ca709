//! The program.

use std::process::ExitCode;

/// See `docs/adr/0005-memory-from-mimalloc.md`.
#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    kassette::cli::run(std::env::args_os()).into()
}
