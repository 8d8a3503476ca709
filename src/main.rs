//! The program.

use std::process::ExitCode;

fn main() -> ExitCode {
    kassette::cli::run(std::env::args_os()).into()
}
