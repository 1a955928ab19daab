//! Blanks out what is not code: comments, strings, character literals, and the items under `#[cfg(test)]`. What
//! remains has the same lines, so that a rule can look for words and braces without being fooled by a text about
//! them. It is a scanner and no parser: it refuses to judge whether the source is Rust.

/// The source with comments and literals replaced by spaces; every line break stays where it is.
pub(crate) fn code_only(source: &str) -> String {
    let mut scanner = Scanner {
        rest: source.chars().collect(),
        at: 0,
        out: String::with_capacity(source.len()),
    };
    while scanner.at < scanner.rest.len() {
        scanner.step();
    }
    scanner.out
}

struct Scanner {
    rest: Vec<char>,
    at: usize,
    out: String,
}

impl Scanner {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.rest.get(self.at + ahead).copied()
    }

    fn keep(&mut self) {
        if let Some(letter) = self.peek(0) {
            self.out.push(letter);
        }
        self.at += 1;
    }

    /// Blanks the next `count` letters; line breaks are kept.
    fn blank(&mut self, count: usize) {
        for _ in 0..count {
            if let Some(letter) = self.peek(0) {
                self.out.push(if letter == '\n' { '\n' } else { ' ' });
            }
            self.at += 1;
        }
    }

    fn step(&mut self) {
        match (self.peek(0), self.peek(1)) {
            (Some('/'), Some('/')) => self.line_comment(),
            (Some('/'), Some('*')) => self.block_comment(),
            (Some('"'), _) => self.string(),
            (Some('r'), Some('"' | '#')) if !self.is_inside_word() => self.raw_string(),
            (Some('b' | 'c'), Some('r')) if !self.is_inside_word() => {
                self.keep();
                self.raw_string();
            }
            (Some('\''), _) => self.character_or_lifetime(),
            _ => self.keep(),
        }
    }

    fn is_inside_word(&self) -> bool {
        self.out
            .chars()
            .next_back()
            .is_some_and(|letter| letter.is_alphanumeric() || letter == '_')
    }

    fn line_comment(&mut self) {
        while self.peek(0).is_some_and(|letter| letter != '\n') {
            self.blank(1);
        }
    }

    fn block_comment(&mut self) {
        let mut depth = 0_usize;
        while self.at < self.rest.len() {
            match (self.peek(0), self.peek(1)) {
                (Some('/'), Some('*')) => {
                    depth += 1;
                    self.blank(2);
                }
                (Some('*'), Some('/')) => {
                    depth -= 1;
                    self.blank(2);
                    if depth == 0 {
                        return;
                    }
                }
                _ => self.blank(1),
            }
        }
    }

    fn string(&mut self) {
        self.blank(1);
        while let Some(letter) = self.peek(0) {
            match letter {
                '\\' => self.blank(2),
                '"' => return self.blank(1),
                _ => self.blank(1),
            }
        }
    }

    fn raw_string(&mut self) {
        let mut hashes = 0;
        while self.peek(1 + hashes) == Some('#') {
            hashes += 1;
        }
        if self.peek(1 + hashes) != Some('"') {
            return self.keep();
        }
        self.blank(2 + hashes);
        while self.at < self.rest.len() {
            let closes = self.peek(0) == Some('"')
                && (1..=hashes).all(|ahead| self.peek(ahead) == Some('#'));
            if closes {
                return self.blank(1 + hashes);
            }
            self.blank(1);
        }
    }

    /// `'a'` and `'\n'` are characters, `'a` is a lifetime.
    fn character_or_lifetime(&mut self) {
        if self.peek(1) == Some('\\') {
            self.blank(3);
            while self.peek(0).is_some_and(|letter| letter != '\'') {
                self.blank(1);
            }
            self.blank(1);
        } else if self.peek(2) == Some('\'') {
            self.blank(3);
        } else {
            self.keep();
        }
    }
}

/// `code` (as [`code_only`] gives it) without the items under `#[cfg(test)]`; they become empty lines.
pub(crate) fn without_tests(code: &str) -> String {
    const MARK: &str = "#[cfg(test)]";
    let mut out = String::with_capacity(code.len());
    let mut rest = code;
    while let Some(start) = rest.find(MARK) {
        let (before, item) = rest.split_at(start);
        let end = item_end(item);
        out.push_str(before);
        out.extend(item[..end].chars().filter(|letter| *letter == '\n'));
        rest = &item[end..];
    }
    out.push_str(rest);
    out
}

/// Where the item that `item` begins with ends: at its `;`, or at the brace that closes its body.
fn item_end(item: &str) -> usize {
    let mut depth = 0_usize;
    for (at, letter) in item.char_indices() {
        match letter {
            ';' if depth == 0 => return at + 1,
            '{' => depth += 1,
            '}' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
    }
    item.len()
}

#[cfg(test)]
#[path = "mask_test.rs"]
mod mask_test;
