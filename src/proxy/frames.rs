//! Frames of a WebSocket (RFC 6455, 5.2), followed byte by byte as they pass: where one ends, another may be put in.

use super::Cut;

/// What a frame is of.
const CLOSE: u8 = 0x8;
const PONG: u8 = 0xa;

/// How far one direction of a WebSocket has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Frames {
    at: At,
    /// What the frame is of that is under way, or was last.
    opcode: u8,
    closed: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum At {
    /// Between two frames.
    #[default]
    Boundary,
    /// Behind the first byte of a frame.
    Length,
    /// In a length of several bytes, of which so many are to come.
    Extended { left: u8, length: u64, masked: bool },
    /// In the mask, of which so many bytes are to come.
    Mask { left: u8, length: u64 },
    /// In what it carries.
    Payload { left: u64 },
}

impl Frames {
    /// Follows what passes. Tells whether any of it is of more than a Pong: that one is the answer to a Ping of the other end.
    pub(super) fn pass(&mut self, mut bytes: &[u8]) -> bool {
        let mut more_than_pong = false;
        while let Some((first, rest)) = bytes.split_first() {
            if let At::Payload { left } = self.at {
                let passed = usize::try_from(left).map_or(bytes.len(), |left| left.min(bytes.len()));
                bytes = &bytes[passed..];
                self.carry(left - passed as u64);
            } else {
                self.step(*first);
                bytes = rest;
            }
            more_than_pong |= self.opcode != PONG;
        }
        more_than_pong
    }

    /// The frame that closes it for this reason, where one can be put in now.
    pub(super) fn close(&self, cut: Cut) -> Option<Vec<u8>> {
        if self.at != At::Boundary || self.closed {
            return None;
        }
        let (status, words) = cut.close_status();
        let mut frame = vec![0x80 | CLOSE, u8::try_from(words.len() + 2).ok().filter(|length| *length < 126)?];
        frame.extend(status.to_be_bytes());
        frame.extend(words.as_bytes());
        Some(frame)
    }

    fn step(&mut self, byte: u8) {
        match self.at {
            At::Boundary => {
                self.opcode = byte & 0xf;
                self.at = At::Length;
            }
            At::Length => {
                let masked = byte & 0x80 != 0;
                match byte & 0x7f {
                    126 => self.at = At::Extended { left: 2, length: 0, masked },
                    127 => self.at = At::Extended { left: 8, length: 0, masked },
                    length => self.mask(length.into(), masked),
                }
            }
            At::Extended { left, length, masked } => {
                let length = length << 8 | u64::from(byte);
                match left {
                    1 => self.mask(length, masked),
                    _ => self.at = At::Extended { left: left - 1, length, masked },
                }
            }
            At::Mask { left: 1, length } => self.carry(length),
            At::Mask { left, length } => self.at = At::Mask { left: left - 1, length },
            At::Payload { left } => self.carry(left - 1),
        }
    }

    const fn mask(&mut self, length: u64, masked: bool) {
        if masked {
            self.at = At::Mask { left: 4, length };
        } else {
            self.carry(length);
        }
    }

    const fn carry(&mut self, left: u64) {
        if left > 0 {
            self.at = At::Payload { left };
        } else {
            self.closed |= self.opcode == CLOSE;
            self.at = At::Boundary;
        }
    }
}

/// What a server says to a client that asked for a WebSocket: heads, and frames once it has agreed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// In a head: how many of its bytes have come, whether it agrees so far, whether another one follows, and how much of
    /// the empty line at its end has come.
    Head { begun: usize, agrees: bool, early: bool, ending: usize },
    /// Frames.
    Frames(Frames),
    /// Another answer.
    Other,
}

impl Said {
    const AGREED: &[u8] = b"HTTP/1.1 101";
    /// Where the first digit of a status is.
    const CLASS: usize = 9;
    const END: &[u8] = b"\r\n\r\n";

    /// Nothing yet.
    pub(super) const fn nothing() -> Self {
        Self::Head { begun: 0, agrees: true, early: false, ending: 0 }
    }

    /// Follows what passes.
    pub(super) fn pass(&mut self, bytes: &[u8]) {
        for (place, byte) in bytes.iter().enumerate() {
            match self {
                Self::Other => return,
                Self::Frames(frames) => {
                    frames.pass(&bytes[place..]);
                    return;
                }
                Self::Head { begun, agrees, early, ending } => {
                    if let Some(expected) = Self::AGREED.get(*begun) {
                        *agrees &= byte == expected;
                    }
                    *early |= *begun == Self::CLASS && *byte == b'1';
                    *begun += 1;
                    *ending = match Self::END.get(*ending) {
                        Some(expected) if byte == expected => *ending + 1,
                        _ => usize::from(*byte == b'\r'),
                    };
                    if *ending == Self::END.len() {
                        *self = match (*agrees, *early) {
                            (true, _) => Self::Frames(Frames::default()),
                            (false, true) => Self::nothing(),
                            (false, false) => Self::Other,
                        };
                    }
                }
            }
        }
    }

    /// The frame that closes it, where one can be put in now.
    pub(super) fn close(&self, cut: Cut) -> Option<Vec<u8>> {
        match self {
            Self::Frames(frames) => frames.close(cut),
            Self::Head { .. } | Self::Other => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A frame with this opcode and so much in it.
    fn frame(opcode: u8, length: usize, masked: bool) -> Vec<u8> {
        let mut frame = vec![0x80 | opcode];
        let mask = if masked { 0x80 } else { 0 };
        match length {
            0..126 => frame.push(mask | u8::try_from(length).unwrap()),
            126..65_536 => {
                frame.push(mask + 126);
                frame.extend(u16::try_from(length).unwrap().to_be_bytes());
            }
            _ => {
                frame.push(mask + 127);
                frame.extend((length as u64).to_be_bytes());
            }
        }
        if masked {
            frame.extend([1, 2, 3, 4]);
        }
        frame.extend(vec![0x88; length]);
        frame
    }

    #[test]
    fn a_frame_ends_where_it_ends_however_it_is_cut() {
        for masked in [false, true] {
            for length in [0, 1, 125, 126, 300, 65_536] {
                let frame = frame(0x2, length, masked);
                for cut in (1..frame.len().min(16)).chain([frame.len() - 1]).filter(|cut| *cut < frame.len()) {
                    let mut frames = Frames::default();
                    frames.pass(&frame[..cut]);
                    assert!(frames.close(Cut::STORE_AWAY).is_none(), "{length} cut at {cut}");
                    frames.pass(&frame[cut..]);
                    assert!(frames.close(Cut::STORE_AWAY).is_some(), "{length} cut at {cut}");
                }
            }
        }
    }

    #[test]
    fn a_close_frame_is_put_in_once_and_well_formed() {
        let mut frames = Frames::default();
        assert_eq!(frames.close(Cut::GONE).unwrap(), b"\x88\x0c\x03\xf0signed out");
        frames.pass(&frame(0x8, 2, false));
        assert_eq!(frames.close(Cut::GONE), None, "the app has closed it");
    }

    #[test]
    fn a_pong_is_no_sign_of_the_client() {
        let mut frames = Frames::default();
        assert!(!frames.pass(&frame(PONG, 4, true)));
        let (mut both, text) = (frame(PONG, 4, true), frame(0x1, 4, true));
        both.extend(&text);
        assert!(frames.pass(&both));
        assert!(frames.pass(&text[..3]) && frames.pass(&text[3..]));
        assert!(!frames.pass(&frame(PONG, 0, true)));
    }

    #[test]
    fn frames_begin_behind_the_head_that_agrees() {
        let agreed = b"HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\nHTTP/1.1 101 Switching Protocols\r\nC: d\r\n\r\n";
        for cut in 0..agreed.len() {
            let mut said = Said::nothing();
            said.pass(&agreed[..cut]);
            assert!(said.close(Cut::GONE).is_none());
            said.pass(&agreed[cut..]);
            assert!(said.close(Cut::GONE).is_some(), "cut at {cut}");
            said.pass(&frame(0x1, 5, false)[..3]);
            assert!(said.close(Cut::GONE).is_none());
        }
        let mut said = Said::nothing();
        said.pass(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nHTTP/1.1 101 I am no head\r\n\r\n");
        assert!(said.close(Cut::GONE).is_none());
    }
}
