//! What commands do.

use super::charset::national;
use super::graphics::{StoredPicture, column_picture, picture_in_columns, picture_in_rows, scaled};
use super::line::{Begun, width_dots};
use super::symbols::{Symbols, bar_code};
use super::tape::{Align, Font, Item, Line, Style, Tape};
use crate::escpos::CodePage;
use crate::escpos::bitmap::Bitmap;
use crate::escpos::profile::Profile;

/// Dots of a line feed after a reset: a sixth of an inch of 180 dots.
const FEED_DOTS: u32 = 30;
/// Stands for a byte that the code page has no character for.
const NO_CHARACTER: char = char::REPLACEMENT_CHARACTER;
/// First bytes of an unknown command that are kept.
const KEPT_BYTES: usize = 16;
/// What the printer says of itself when it is asked (`GS I`).
const MODEL: &[u8] = b"_Kassette\0";

/// What a command asked for.
#[derive(Debug)]
pub(super) enum Wanted {
    /// These bytes.
    Bytes(Vec<u8>),
    /// The paper sensors (`GS r 1`).
    Sensors,
    /// The drawer's sensor (`GS r 2`).
    Drawer,
    /// The automatic status, as it is switched on.
    Automatic,
}

/// Settings that `ESC @` undoes.
#[derive(Debug)]
struct Settings {
    style: Style,
    align: Align,
    page: Option<&'static CodePage>,
    national: u8,
    feed_dots: u32,
    spacing_dots: u32,
    margin_dots: u32,
    line_dots: Option<u32>,
    tab_stops: Option<Vec<u8>>,
    bar_height_dots: u32,
    bar_module_dots: u8,
    bar_text: u8,
    /// In page mode nothing is on the paper before its end.
    page_mode: Option<Vec<Item>>,
}

impl Settings {
    fn new(profile: &Profile) -> Self {
        Self {
            style: Style::default(),
            align: Align::Left,
            page: profile.code_pages.first().map(|(_, page)| *page),
            national: 0,
            feed_dots: FEED_DOTS,
            spacing_dots: 0,
            margin_dots: 0,
            line_dots: None,
            tab_stops: None,
            bar_height_dots: 162,
            bar_module_dots: 3,
            bar_text: 0,
            page_mode: None,
        }
    }
}

/// The part of the printer that executes.
#[derive(Debug)]
pub(super) struct Machine {
    profile: Profile,
    settings: Settings,
    begun: Begun,
    symbols: Symbols,
    stored: StoredPicture,
    defined: Option<Bitmap>,
    pub(super) tape: Tape,
    pub(super) automatic_status: bool,
    pub(super) wanted: Option<Wanted>,
    feed_dots: u32,
}

impl Machine {
    pub(super) fn new(profile: Profile) -> Self {
        Self {
            settings: Settings::new(&profile),
            profile,
            begun: Begun::default(),
            symbols: Symbols::default(),
            stored: StoredPicture::default(),
            defined: None,
            tape: Tape::default(),
            automatic_status: false,
            wanted: None,
            feed_dots: 0,
        }
    }

    pub(super) fn power_on(&mut self) {
        let tape = std::mem::take(&mut self.tape);
        *self = Self::new(self.profile.clone());
        self.tape = tape;
    }

    /// The line that was begun is lost.
    pub(super) fn drop_line(&mut self) {
        self.begun = Begun::default();
        self.settings.page_mode = None;
    }

    pub(super) fn take_feed_dots(&mut self) -> u32 {
        std::mem::take(&mut self.feed_dots)
    }

    pub(super) fn unknown(&mut self, command: &[u8]) {
        self.put(Item::Unknown(command.iter().take(KEPT_BYTES).copied().collect()));
    }

    /// A byte that begins no command.
    pub(super) fn control_or_text(&mut self, byte: u8) {
        match byte {
            b'\n' => self.end_line(self.settings.feed_dots),
            b'\r' | 0x00 => {}
            b'\t' => self.begun.tab(self.settings.tab_stops.as_deref()),
            0x0C => self.end_page(),
            0x18 => {
                if let Some(page) = &mut self.settings.page_mode {
                    page.clear();
                    self.begun = Begun::default();
                }
            }
            0x20.. if byte != 0x7F => self.character(byte),
            _ => self.unknown(&[byte]),
        }
    }

    fn character(&mut self, byte: u8) {
        let settings = &self.settings;
        let char = if byte < 0x80 {
            national(settings.national, char::from(byte))
        } else {
            settings.page.and_then(|page| page.decode(byte)).unwrap_or(NO_CHARACTER)
        };
        let (style, spacing) = (settings.style, settings.spacing_dots);
        if !self.begun.has_room(width_dots(style, spacing), self.line_dots()) {
            self.end_line(self.settings.feed_dots);
        }
        self.begun.character(char, style, spacing);
    }

    fn line_dots(&self) -> u32 {
        let all = u32::from(self.profile.text_dots());
        let room = all.saturating_sub(self.settings.margin_dots);
        self.settings.line_dots.map_or(room, |dots| dots.min(room)).max(1)
    }

    /// Puts something on the paper, or onto the page of page mode.
    fn put(&mut self, item: Item) {
        match &mut self.settings.page_mode {
            // A page is as bounded as the tape that it will be on.
            Some(page) if page.len() < super::tape::TAPE_BYTES_MAX / 4096 => page.push(item),
            Some(_) => self.tape.lost = self.tape.lost.saturating_add(1),
            None => {
                self.feed_dots = self.feed_dots.saturating_add(item.feed_dots());
                self.tape.push(item);
            }
        }
    }

    fn end_line(&mut self, feed_dots: u32) {
        if self.begun.is_empty() {
            self.begun = Begun::default();
            self.put(Item::Feed { dots: feed_dots });
        } else {
            let line = Line { align: self.settings.align, ..Line::default() };
            let line = self.begun.end(line, feed_dots);
            self.put(Item::Line(line));
        }
    }

    /// Prints what was begun before something that takes lines of its own.
    fn end_begun(&mut self) {
        if !self.begun.is_empty() {
            self.end_line(self.settings.feed_dots);
        }
    }

    fn feed(&mut self, dots: u32) {
        if self.begun.is_empty() {
            if dots > 0 {
                self.put(Item::Feed { dots });
            }
        } else {
            self.end_line(dots);
        }
    }

    fn end_page(&mut self) {
        if self.settings.page_mode.is_none() {
            return;
        }
        self.end_begun();
        for item in self.settings.page_mode.take().unwrap_or_default() {
            self.put(item);
        }
    }

    fn picture(&mut self, dots: Bitmap) {
        self.end_begun();
        let align = self.settings.align;
        self.put(Item::Picture { align, dots });
    }

    /// Executes a whole command.
    pub(super) fn execute(&mut self, command: &[u8]) {
        match command {
            // Real-time commands were done when they arrived.
            [0x10, ..] => {}
            [0x1B, rest @ ..] => self.escape(rest, command),
            [0x1C, rest @ ..] => self.file_separator(rest, command),
            [0x1D, rest @ ..] => self.group_separator(rest, command),
            _ => self.unknown(command),
        }
    }

    fn escape(&mut self, rest: &[u8], command: &[u8]) {
        let style = self.settings.style;
        match rest {
            b"@" => {
                // What was begun is not printed.
                self.begun = Begun::default();
                self.settings = Settings::new(&self.profile);
            }
            [b'!', n] => {
                let twice = |bit: u8| if n & bit == 0 { 1 } else { 2 };
                self.settings.style = Style {
                    font: if n & 1 == 0 { Font::A } else { Font::B },
                    bold: n & 0x08 != 0,
                    height: twice(0x10),
                    width: twice(0x20),
                    underline: n & 0x80 != 0,
                    ..style
                };
            }
            [b'E' | b'G', n] => self.settings.style.bold = n & 1 != 0,
            [b'-', n] => self.settings.style.underline = matches!(n, 1 | 2 | 49 | 50),
            [b'M', n] => self.settings.style.font = if matches!(n, 1 | 49) { Font::B } else { Font::A },
            [b'V', n] => self.settings.style.turned = matches!(n, 1 | 2 | 49 | 50),
            [b'{', n] => self.settings.style.upside_down = n & 1 != 0,
            [b'a', n] => {
                // It counts at the beginning of a line only.
                if self.begun.is_empty() {
                    self.settings.align = match n {
                        1 | 49 => Align::Centre,
                        2 | 50 => Align::Right,
                        _ => Align::Left,
                    };
                }
            }
            [b't', n] => self.settings.page = self.profile.code_page(*n),
            [b'R', n] => self.settings.national = *n,
            [b' ', n] => self.settings.spacing_dots = u32::from(*n),
            b"2" => self.settings.feed_dots = FEED_DOTS,
            [b'3', n] => self.settings.feed_dots = u32::from(*n),
            [b'd', n] => self.feed(u32::from(*n).saturating_mul(self.settings.feed_dots)),
            [b'J', n] => self.feed(u32::from(*n)),
            [b'$', low, high] => self.begun.move_to(number(*low, *high)),
            [b'\\', low, high] => {
                let by = i32::from(i16::from_le_bytes([*low, *high]));
                self.begun.move_to(self.begun.x_dots().saturating_add_signed(by));
            }
            [b'D', stops @ .., _] => self.settings.tab_stops = Some(stops.to_vec()),
            [b'*', mode, low, high, data @ ..] => {
                let dots = column_picture(*mode, number(*low, *high), data);
                self.begun.picture(dots);
            }
            [b'p', m, ..] => self.put(Item::Drawer { pin: if matches!(m, 0 | 48) { 2 } else { 5 } }),
            b"i" | b"m" => {
                self.end_begun();
                self.put(Item::Cut { partial: true });
            }
            [b'B', ..] => self.put(Item::Beep),
            [b'(', b'A', ..] => self.put(Item::Beep),
            b"L" => self.settings.page_mode = Some(Vec::new()),
            b"S" => {
                self.settings.page_mode = None;
                self.begun = Begun::default();
            }
            b"\x0C" => self.end_page(),
            // Settings without a look of their own, and what only some printers have: buttons, sensors, colours, directions, units,
            // characters of the user.
            [
                b'%' | b'&' | b'=' | b'?' | b'c' | b'K' | b'T' | b'U' | b'W' | b'(' | b'<' | b'e' | b'r' | b'u' | b'v',
                ..,
            ] => {}
            _ => self.unknown(command),
        }
    }

    fn file_separator(&mut self, rest: &[u8], command: &[u8]) {
        match rest {
            // Characters of two bytes are off in all code pages that are known here.
            [b'!' | b'-' | b'C' | b'S' | b'W' | b'(' | b'2' | b'?' | b'g' | b'&' | b'.', ..] => {}
            _ => self.unknown(command),
        }
    }

    fn group_separator(&mut self, rest: &[u8], command: &[u8]) {
        match rest {
            [b'!', n] => {
                (self.settings.style.width, self.settings.style.height) = ((n >> 4 & 7) + 1, (n & 7) + 1);
            }
            [b'B', n] => self.settings.style.inverse = n & 1 != 0,
            [b'L', low, high] => self.settings.margin_dots = number(*low, *high),
            [b'W', low, high] => self.settings.line_dots = Some(number(*low, *high)),
            [b'h', n] => self.settings.bar_height_dots = u32::from(*n).max(1),
            [b'w', n] => self.settings.bar_module_dots = (*n).clamp(1, 6),
            [b'H', n] => self.settings.bar_text = *n,
            [b'V', m, ..] => {
                self.end_begun();
                if let [_, 65..=66 | 97..=98 | 103..=104, n] = rest {
                    self.feed(u32::from(*n));
                }
                self.put(Item::Cut { partial: matches!(m, 1 | 49 | 66 | 98 | 104) });
            }
            [b'k', kind, data @ ..] => {
                self.end_begun();
                let code = bar_code(*kind, data);
                match code {
                    Some((symbology, data)) => self.put(Item::Code {
                        align: self.settings.align,
                        symbology,
                        data,
                        height_dots: self.settings.bar_height_dots,
                        module_dots: self.settings.bar_module_dots,
                        text: self.settings.bar_text != 0 && self.settings.bar_text != 48,
                    }),
                    None => self.unknown(command),
                }
            }
            [b'v', b'0', mode, x_low, x_high, y_low, y_high, data @ ..] => {
                let dots = picture_in_rows(number(*x_low, *x_high) * 8, number(*y_low, *y_high), data);
                let twice = |bit: u8| if mode & bit == 0 { 1 } else { 2 };
                self.picture(scaled(&dots, twice(1), twice(2)));
            }
            [b'*', x, y, data @ ..] => {
                self.defined = Some(picture_in_columns(u32::from(*x) * 8, u32::from(*y) * 8, data));
            }
            [b'/', mode] => {
                if let Some(dots) = &self.defined {
                    let twice = |bit: u8| if mode & bit == 0 { 1 } else { 2 };
                    self.picture(scaled(dots, twice(1), twice(2)));
                }
            }
            [b'(', b'L', _, _, data @ ..] | [b'8', b'L', _, _, _, _, data @ ..] => {
                if let Some(dots) = self.stored.function(data) {
                    self.picture(dots);
                }
            }
            [b'(', b'k', _, _, data @ ..] => {
                if let Some(item) = self.symbols.function(data, self.settings.align) {
                    self.end_begun();
                    self.put(item);
                }
            }
            [b'(', b'H', _, _, 48, 48, id @ ..] => {
                // The answer is given when all before it is printed.
                let [a, b, c, d] = id else { return self.unknown(command) };
                self.end_begun();
                self.wanted = Some(Wanted::Bytes(vec![0x37, 0x22, *a, *b, *c, *d, 0x00]));
            }
            [b'r', 1 | 49] => self.wanted = Some(Wanted::Sensors),
            [b'r', 2 | 50] => self.wanted = Some(Wanted::Drawer),
            [b'a', n] => {
                self.automatic_status = *n != 0;
                self.wanted = Some(Wanted::Automatic);
            }
            [b'I', 1 | 2 | 49 | 50] => self.wanted = Some(Wanted::Bytes(vec![0x02])),
            [b'I', 65..=69] => self.wanted = Some(Wanted::Bytes(MODEL.to_vec())),
            // Units, directions, counters, smoothing, test prints, macros, where a position is: nothing of them is on the paper.
            [
                b'$' | b'P' | b'T' | b'\\' | b'b' | b'f' | b'C' | b'D' | b'E' | b'I' | b'^' | b':' | b'c' | b'g' | b'z'
                | b'r' | b'(',
                ..,
            ] => {}
            _ => self.unknown(command),
        }
    }
}

fn number(low: u8, high: u8) -> u32 {
    u32::from(u16::from_le_bytes([low, high]))
}
