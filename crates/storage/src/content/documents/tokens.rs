//! Tokens of a PDF document.

pub(super) const fn is_space(byte: u8) -> bool {
    matches!(byte, 0 | b'\t' | b'\n' | 0x0C | b'\r' | b' ')
}

const fn is_delimiter(byte: u8) -> bool {
    matches!(byte, b'(' | b')' | b'<' | b'>' | b'[' | b']' | b'{' | b'}' | b'/' | b'%')
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    Name(Vec<u8>),
    Open,
    Close,
    List,
    ListEnd,
    Text,
    Word(&'a [u8]),
    Other,
}

/// The tokens of a part of a file.
pub(super) struct Tokens<'a> {
    pub(super) rest: &'a [u8],
}

impl<'a> Tokens<'a> {
    fn byte(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    fn advance(&mut self, count: usize) {
        self.rest = self.rest.get(count..).unwrap_or_default();
    }

    /// Takes the bytes up to the first that meets the condition.
    fn until(&mut self, ends: impl Fn(u8) -> bool) -> &'a [u8] {
        let length = self.rest.iter().position(|b| ends(*b)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(length);
        self.rest = rest;
        taken
    }

    pub(super) fn name(&mut self) -> Vec<u8> {
        self.advance(1);
        let raw = self.until(|b| is_space(b) || is_delimiter(b));
        let digit = |b: Option<&u8>| b.and_then(|b| char::from(*b).to_digit(16));
        let (mut name, mut at) = (Vec::new(), 0);
        while let Some(byte) = raw.get(at) {
            let escape = digit(raw.get(at + 1)).zip(digit(raw.get(at + 2))).filter(|_| *byte == b'#');
            let escaped = escape.and_then(|(high, low)| u8::try_from(high * 16 + low).ok());
            name.push(escaped.unwrap_or(*byte));
            at += if escaped.is_some() { 3 } else { 1 };
        }
        name
    }

    /// Skips a text in brackets, which may be nested or escaped.
    fn text(&mut self) {
        let mut depth = 0_usize;
        while let Some(byte) = self.byte() {
            self.advance(if byte == b'\\' { 2 } else { 1 });
            match byte {
                b'(' => depth += 1,
                b')' if depth <= 1 => return,
                b')' => depth -= 1,
                _ => {}
            }
        }
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        loop {
            self.until(|b| !is_space(b));
            return Some(match self.byte()? {
                b'%' => {
                    self.until(|b| matches!(b, b'\r' | b'\n'));
                    continue;
                }
                b'/' => Token::Name(self.name()),
                b'(' => {
                    self.text();
                    Token::Text
                }
                b'<' if self.rest.starts_with(b"<<") => {
                    self.advance(2);
                    Token::Open
                }
                b'>' if self.rest.starts_with(b">>") => {
                    self.advance(2);
                    Token::Close
                }
                b'<' => {
                    self.until(|b| b == b'>');
                    self.advance(1);
                    Token::Text
                }
                b'[' => {
                    self.advance(1);
                    Token::List
                }
                b']' => {
                    self.advance(1);
                    Token::ListEnd
                }
                b if is_delimiter(b) => {
                    self.advance(1);
                    Token::Other
                }
                _ => Token::Word(self.until(|b| is_space(b) || is_delimiter(b))),
            });
        }
    }
}
