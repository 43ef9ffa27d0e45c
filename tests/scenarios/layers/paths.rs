//! The paths that a source file names: in `use` trees and in the midst of code, comments and strings left out.

/// A path and the line that it ends on.
#[derive(Debug)]
pub(super) struct PathUse {
    /// As written out: `crate::web::Call`, `std::time::Instant::now`.
    pub(super) path: String,
    pub(super) line: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum SourceToken {
    Word(String),
    Colons,
    Open,
    Close,
    Other(char),
}

/// Every path of more than one part, with `self` and `super` resolved. `file` is relative to `src`.
pub(super) fn paths_in(file: &str, text: &str) -> Vec<PathUse> {
    let pieces = tokenize(text);
    let mut reader = PathReader {
        pieces: &pieces,
        at: 0,
        modules: module_path(file),
        depths: Vec::new(),
        depth: 0,
        named: Vec::new(),
    };
    reader.read();
    reader.named
}

/// The module that a file is: `session/policy.rs` is `crate::session::policy`.
fn module_path(file: &str) -> Vec<String> {
    let stem = file.trim_end_matches(".rs");
    let inner = stem.split('/').filter(|part| !matches!(*part, "mod" | "lib" | "main"));
    std::iter::once("crate").chain(inner).map(str::to_owned).collect()
}

struct PathReader<'p> {
    pieces: &'p [(SourceToken, usize)],
    at: usize,
    modules: Vec<String>,
    /// At which depth of braces each inline module began.
    depths: Vec<usize>,
    depth: usize,
    named: Vec<PathUse>,
}

impl PathReader<'_> {
    fn read(&mut self) {
        while let Some(piece) = self.peek(0).cloned() {
            match piece {
                SourceToken::Word(word) if word == "use" => {
                    self.at += 1;
                    self.read_use_tree(&[]);
                }
                SourceToken::Word(word) if word == "mod" && self.peek(2) == Some(&SourceToken::Open) => {
                    if let Some(SourceToken::Word(name)) = self.peek(1).cloned() {
                        self.modules.push(name);
                        self.depths.push(self.depth);
                    }
                    self.at += 2;
                }
                SourceToken::Word(_) => self.read_path(),
                SourceToken::Open => {
                    self.depth += 1;
                    self.at += 1;
                }
                SourceToken::Close => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.depths.last() == Some(&self.depth) {
                        self.depths.pop();
                        self.modules.pop();
                    }
                    self.at += 1;
                }
                SourceToken::Colons | SourceToken::Other(_) => self.at += 1,
            }
        }
    }

    fn peek(&self, ahead: usize) -> Option<&SourceToken> {
        self.pieces.get(self.at + ahead).map(|(piece, _)| piece)
    }

    /// A path in the midst of code.
    fn read_path(&mut self) {
        let mut parts = Vec::new();
        while let Some(SourceToken::Word(word)) = self.peek(0).cloned() {
            parts.push(word);
            self.at += 1;
            if self.peek(0) != Some(&SourceToken::Colons) || !matches!(self.peek(1), Some(SourceToken::Word(_))) {
                break;
            }
            self.at += 1;
        }
        self.add_path(&parts);
    }

    /// A `use` tree, behind what stands before it.
    fn read_use_tree(&mut self, before: &[String]) {
        let mut parts = before.to_vec();
        loop {
            match self.peek(0).cloned() {
                Some(SourceToken::Word(word)) if word == "as" => self.at += 2,
                Some(SourceToken::Word(word)) => {
                    parts.push(word);
                    self.at += 1;
                }
                Some(SourceToken::Colons) => self.at += 1,
                Some(SourceToken::Open) => {
                    self.at += 1;
                    while !matches!(self.peek(0), None | Some(SourceToken::Close)) {
                        let from = self.at;
                        self.read_use_tree(&parts);
                        if self.peek(0) == Some(&SourceToken::Other(',')) || self.at == from {
                            self.at += 1;
                        }
                    }
                    self.at += 1;
                    return;
                }
                Some(SourceToken::Other('*')) => {
                    parts.push("*".to_owned());
                    self.at += 1;
                }
                _ => return self.add_path(&parts),
            }
        }
    }

    fn add_path(&mut self, parts: &[String]) {
        if parts.len() < 2 {
            return;
        }
        let mut full = match parts[0].as_str() {
            "self" | "super" => self.modules.clone(),
            _ => Vec::new(),
        };
        for part in parts {
            match part.as_str() {
                "self" => {}
                "super" => drop(full.pop()),
                _ => full.push(part.clone()),
            }
        }
        let line = self.pieces[self.at.saturating_sub(1).min(self.pieces.len() - 1)].1;
        self.named.push(PathUse { path: full.join("::"), line });
    }
}

/// The text as words and signs with their lines, without comments, strings and characters.
fn tokenize(text: &str) -> Vec<(SourceToken, usize)> {
    let chars: Vec<char> = text.chars().collect();
    let (mut pieces, mut at, mut line) = (Vec::new(), 0, 1);
    while at < chars.len() {
        let rest = &chars[at..];
        let skipped = match rest {
            ['/', '/', ..] => rest.iter().position(|c| *c == '\n').unwrap_or(rest.len()),
            ['/', '*', ..] => comment_length(rest),
            ['"', ..] => string_length(rest),
            ['r' | 'b' | 'c', ..] if !follows_identifier(&chars, at) && raw_string_length(rest).is_some() => {
                raw_string_length(rest).unwrap_or(1)
            }
            ['\'', ..] => char_length(rest),
            _ => 0,
        };
        if skipped > 0 {
            line += rest[..skipped].iter().filter(|c| **c == '\n').count();
            at += skipped;
            continue;
        }
        let word = rest.iter().take_while(|c| c.is_alphanumeric() || **c == '_').count();
        let (piece, length) = match rest {
            _ if word > 0 => (Some(SourceToken::Word(rest[..word].iter().collect())), word),
            [':', ':', ..] => (Some(SourceToken::Colons), 2),
            ['{', ..] => (Some(SourceToken::Open), 1),
            ['}', ..] => (Some(SourceToken::Close), 1),
            [c, ..] if c.is_whitespace() => (None, 1),
            [c, ..] => (Some(SourceToken::Other(*c)), 1),
            [] => (None, 1),
        };
        pieces.extend(piece.map(|piece| (piece, line)));
        line += usize::from(rest[0] == '\n');
        at += length;
    }
    pieces
}

fn follows_identifier(chars: &[char], at: usize) -> bool {
    at > 0 && (chars[at - 1].is_alphanumeric() || chars[at - 1] == '_')
}

/// A block comment; they nest.
fn comment_length(rest: &[char]) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        match rest[at..] {
            ['/', '*', ..] => (depth, at) = (depth + 1, at + 2),
            ['*', '/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

fn string_length(rest: &[char]) -> usize {
    let mut at = 1;
    while at < rest.len() && rest[at] != '"' {
        at += if rest[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(rest.len())
}

/// `r"…"`, `r#"…"#`, `b"…"`, `br"…"`, `c"…"`.
fn raw_string_length(rest: &[char]) -> Option<usize> {
    let letters = rest.iter().take_while(|c| matches!(c, 'r' | 'b' | 'c')).count();
    let raw = rest[..letters].contains(&'r');
    let marks = if raw { rest[letters..].iter().take_while(|c| **c == '#').count() } else { 0 };
    let begin = letters + marks;
    if letters > 2 || rest.get(begin) != Some(&'"') {
        return None;
    }
    if !raw {
        return Some(begin + string_length(&rest[begin..]));
    }
    let ends = |at: usize| rest[at] == '"' && rest[at + 1..].iter().take(marks).filter(|c| **c == '#').count() == marks;
    let end = (begin + 1..rest.len()).find(|at| ends(*at))?;
    Some(end + 1 + marks)
}

/// A character, or a lifetime's apostrophe.
fn char_length(rest: &[char]) -> usize {
    match rest {
        ['\'', '\\', ..] => rest.iter().skip(3).position(|c| *c == '\'').map_or(rest.len(), |end| end + 4),
        ['\'', _, '\'', ..] => 3,
        _ => 1,
    }
}
