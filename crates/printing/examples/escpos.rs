//! Print jobs at a desk: the job of a sample receipt, and what a job looks like on paper.
//!
//! usage: `escpos job SAMPLE PROFILE > job.bin`, `escpos text PROFILE < job.bin`, `escpos png PROFILE < job.bin > paper.png`,
//! `escpos qr PROFILE < job.bin` (the payloads of the codes that the printer draws, one for each line)

use std::error::Error;
use std::io::{Read, Write, stdin, stdout};

use kassette_printing::escpos::interpreter::{Interpreter, Tape, paint, plain_text, png_of};
use kassette_printing::escpos::profile::{Profile, Profiles};
use kassette_printing::escpos::render::{RenderOptions, render};
use kassette_printing::receipt::Copy;
use kassette_printing::samples::SAMPLES;

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let out = match words.as_slice() {
        ["job", sample, profile] => job(sample, profile)?,
        ["text", profile] => text(profile)?.into_bytes(),
        ["png", profile] => {
            let profile = find(profile)?;
            png_of(&paint(print(&profile)?.items(), &profile)?)?
        }
        ["qr", profile] => {
            let tape = print(&find(profile)?)?;
            tape.qr_payloads().flat_map(|payload| [payload, b"\n"].concat()).collect()
        }
        _ => return Err("usage: escpos job SAMPLE PROFILE | text PROFILE | png PROFILE | qr PROFILE".into()),
    };
    stdout().write_all(&out)?;
    Ok(())
}

fn find(id: &str) -> Result<Profile, Box<dyn Error>> {
    Ok(Profiles::default().get(id).ok_or_else(|| format!("no profile `{id}`"))?.clone())
}

fn job(sample: &str, profile: &str) -> Result<Vec<u8>, Box<dyn Error>> {
    let sample = SAMPLES.iter().find(|known| known.name == sample).ok_or_else(|| format!("no sample `{sample}`"))?;
    let receipt = sample.receipt(Copy::Original, None)?;
    Ok(render(&receipt, &find(profile)?, RenderOptions::default())?.bytes().to_vec())
}

fn text(profile: &str) -> Result<String, Box<dyn Error>> {
    let profile = find(profile)?;
    Ok(plain_text(print(&profile)?.items(), &profile))
}

fn print(profile: &Profile) -> Result<Tape, Box<dyn Error>> {
    let mut bytes = Vec::new();
    stdin().read_to_end(&mut bytes)?;
    let mut printer = Interpreter::new(profile);
    printer.receive(&bytes);
    Ok(printer.take_tape())
}
