//! A tape as plain text.

use super::tape::{Align, Fragment, Item, Line};
use crate::escpos::profile::Profile;

/// Dots of a column.
const COLUMN_DOTS: u32 = 12;
/// Dots of blank paper that are an empty line.
const LINE_DOTS: u32 = 30;
/// Most empty lines for one piece of blank paper.
const EMPTY_LINES_MAX: u32 = 8;

/// What is on the paper, in lines: codes and pictures in square brackets, a cut as a line of dashes.
#[must_use]
pub fn plain_text(items: &[Item], profile: &Profile) -> String {
    let columns = usize::from(profile.columns);
    let mut out = String::new();
    for item in items {
        match item {
            Item::Line(line) => put(&mut out, &line_text(line), line.align, columns),
            Item::Feed { dots } => {
                for _ in 0..dots.div_ceil(LINE_DOTS).min(EMPTY_LINES_MAX) {
                    out.push('\n');
                }
            }
            Item::Picture { align, dots } => {
                put(
                    &mut out,
                    &format!("[picture {} x {} dots]", dots.width_dots(), dots.height_dots()),
                    *align,
                    columns,
                );
            }
            Item::Qr { align, payload, .. } => {
                put(&mut out, &format!("[QR {}]", shown(payload)), *align, columns);
            }
            Item::Code { align, symbology, data, .. } => {
                put(&mut out, &format!("[{symbology:?} {}]", shown(data)), *align, columns);
            }
            Item::Cut { partial } => {
                let dash = if *partial { "- " } else { "--" };
                let line: String = dash.chars().cycle().take(columns).collect();
                put(&mut out, &line, Align::Left, columns);
            }
            Item::Drawer { pin } => put(&mut out, &format!("[drawer, pin {pin}]"), Align::Left, columns),
            Item::Beep => put(&mut out, "[beep]", Align::Left, columns),
            Item::Unknown(bytes) => put(&mut out, &format!("[unknown command {bytes:02X?}]"), Align::Left, columns),
        }
    }
    out
}

fn shown(data: &[u8]) -> String {
    String::from_utf8_lossy(data).chars().map(|char| if char.is_control() { '.' } else { char }).collect()
}

fn line_text(line: &Line) -> String {
    let mut out = String::new();
    let mut columns = 0_u32;
    for fragment in &line.fragments {
        match fragment {
            Fragment::Text { x_dots, text, .. } => {
                while columns < x_dots / COLUMN_DOTS {
                    out.push(' ');
                    columns += 1;
                }
                out.push_str(text);
                columns = columns.saturating_add(u32::try_from(text.chars().count()).unwrap_or(u32::MAX));
            }
            Fragment::Picture { dots, .. } => {
                out.push_str(&format!("[picture {} x {} dots]", dots.width_dots(), dots.height_dots()));
            }
        }
    }
    out
}

/// A line at its place.
fn put(out: &mut String, text: &str, align: Align, columns: usize) {
    let room = columns.saturating_sub(text.chars().count());
    let blanks = match align {
        Align::Left => 0,
        Align::Centre => room / 2,
        Align::Right => room,
    };
    out.extend(std::iter::repeat_n(' ', blanks));
    out.push_str(text.trim_end());
    out.push('\n');
}
