//! WebSocket frames (RFC 6455, 5.2), followed byte by byte as they pass: where one ends, a Close frame may be put in. Changes
//! nothing of what passes.

use crate::proxy::in_flight::cancel_reason::CancelReason;

/// Opcodes of frames.
const CLOSE: u8 = 0x8;
const PONG: u8 = 0xa;

/// Tracker of the frames of one direction of a WebSocket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::proxy) struct FrameTracker {
    position: FramePosition,
    /// Opcode of the frame under way, or of the last one.
    opcode: u8,
    closed: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum FramePosition {
    /// Between two frames.
    #[default]
    Boundary,
    /// Behind the first byte of a frame.
    Length,
    /// In a length of several bytes, of which so many are to come.
    Extended { remaining: u8, length: u64, masked: bool },
    /// In the mask, of which so many bytes are to come.
    Mask { remaining: u8, length: u64 },
    /// In what it carries.
    Payload { remaining: u64 },
}

impl FrameTracker {
    /// Follows bytes. Whether any of them is of another frame than a Pong, which only answers a Ping of the other end.
    pub(in crate::proxy) fn track(&mut self, mut bytes: &[u8]) -> bool {
        let mut more_than_pong = false;
        while let Some((first, rest)) = bytes.split_first() {
            if let FramePosition::Payload { remaining } = self.position {
                let passed = usize::try_from(remaining).map_or(bytes.len(), |remaining| remaining.min(bytes.len()));
                bytes = &bytes[passed..];
                self.begin_payload(remaining - passed as u64);
            } else {
                self.advance_header(*first);
                bytes = rest;
            }
            more_than_pong |= self.opcode != PONG;
        }
        more_than_pong
    }

    /// Close frame with this reason, where one can be put in now.
    pub(super) fn close_frame(&self, reason: CancelReason) -> Option<Vec<u8>> {
        if self.position != FramePosition::Boundary || self.closed {
            return None;
        }
        let (status, words) = reason.close_status();
        let mut frame = vec![0x80 | CLOSE, u8::try_from(words.len() + 2).ok().filter(|length| *length < 126)?];
        frame.extend(status.to_be_bytes());
        frame.extend(words.as_bytes());
        Some(frame)
    }

    fn advance_header(&mut self, byte: u8) {
        match self.position {
            FramePosition::Boundary => {
                self.opcode = byte & 0xf;
                self.position = FramePosition::Length;
            }
            FramePosition::Length => {
                let masked = byte & 0x80 != 0;
                match byte & 0x7f {
                    126 => self.position = FramePosition::Extended { remaining: 2, length: 0, masked },
                    127 => self.position = FramePosition::Extended { remaining: 8, length: 0, masked },
                    length => self.end_of_length(length.into(), masked),
                }
            }
            FramePosition::Extended { remaining, length, masked } => {
                let length = length << 8 | u64::from(byte);
                match remaining {
                    1 => self.end_of_length(length, masked),
                    _ => self.position = FramePosition::Extended { remaining: remaining - 1, length, masked },
                }
            }
            FramePosition::Mask { remaining: 1, length } => self.begin_payload(length),
            FramePosition::Mask { remaining, length } => {
                self.position = FramePosition::Mask { remaining: remaining - 1, length }
            }
            FramePosition::Payload { remaining } => self.begin_payload(remaining - 1),
        }
    }

    const fn end_of_length(&mut self, length: u64, masked: bool) {
        if masked {
            self.position = FramePosition::Mask { remaining: 4, length };
        } else {
            self.begin_payload(length);
        }
    }

    const fn begin_payload(&mut self, remaining: u64) {
        if remaining > 0 {
            self.position = FramePosition::Payload { remaining };
        } else {
            self.closed |= self.opcode == CLOSE;
            self.position = FramePosition::Boundary;
        }
    }
}

/// Tracker of what a server sends to a client that asked for a WebSocket: response heads, and frames once it has agreed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum OutboundTracker {
    /// In a response head: number of its bytes so far, whether it is a 101 so far, whether it is an interim one, and how much of
    /// the empty line at its end has come.
    Head { bytes_seen: usize, is_accepted: bool, is_interim: bool, end_matched: usize },
    /// Behind a 101: frames.
    Frames(FrameTracker),
    /// Behind another final response.
    NotWebSocket,
}

impl OutboundTracker {
    const SWITCHING_PROTOCOLS: &[u8] = b"HTTP/1.1 101";
    /// Offset of the first digit of the status.
    const STATUS_OFFSET: usize = 9;
    const HEAD_END: &[u8] = b"\r\n\r\n";

    /// Tracker before the first byte.
    pub(super) const fn new() -> Self {
        Self::Head { bytes_seen: 0, is_accepted: true, is_interim: false, end_matched: 0 }
    }

    /// Follows bytes.
    pub(super) fn track(&mut self, bytes: &[u8]) {
        for (index, byte) in bytes.iter().enumerate() {
            match self {
                Self::NotWebSocket => return,
                Self::Frames(frames) => {
                    frames.track(&bytes[index..]);
                    return;
                }
                Self::Head { bytes_seen, is_accepted, is_interim, end_matched } => {
                    if let Some(expected) = Self::SWITCHING_PROTOCOLS.get(*bytes_seen) {
                        *is_accepted &= byte == expected;
                    }
                    *is_interim |= *bytes_seen == Self::STATUS_OFFSET && *byte == b'1';
                    *bytes_seen += 1;
                    *end_matched = match Self::HEAD_END.get(*end_matched) {
                        Some(expected) if byte == expected => *end_matched + 1,
                        _ => usize::from(*byte == b'\r'),
                    };
                    if *end_matched == Self::HEAD_END.len() {
                        *self = match (*is_accepted, *is_interim) {
                            (true, _) => Self::Frames(FrameTracker::default()),
                            (false, true) => Self::new(),
                            (false, false) => Self::NotWebSocket,
                        };
                    }
                }
            }
        }
    }

    /// Close frame with this reason, where one can be put in now.
    pub(super) fn close_frame(&self, reason: CancelReason) -> Option<Vec<u8>> {
        match self {
            Self::Frames(frames) => frames.close_frame(reason),
            Self::Head { .. } | Self::NotWebSocket => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Frame with this opcode and this length.
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
                    let mut frames = FrameTracker::default();
                    frames.track(&frame[..cut]);
                    assert!(frames.close_frame(CancelReason::StoreUnavailable).is_none(), "{length} cut at {cut}");
                    frames.track(&frame[cut..]);
                    assert!(frames.close_frame(CancelReason::StoreUnavailable).is_some(), "{length} cut at {cut}");
                }
            }
        }
    }

    #[test]
    fn a_close_frame_is_put_in_once_and_well_formed() {
        let mut frames = FrameTracker::default();
        assert_eq!(frames.close_frame(CancelReason::SessionGone).unwrap(), b"\x88\x0c\x03\xf0signed out");
        frames.track(&frame(0x8, 2, false));
        assert_eq!(frames.close_frame(CancelReason::SessionGone), None, "the app has closed it");
    }

    #[test]
    fn a_pong_is_no_sign_of_the_client() {
        let mut frames = FrameTracker::default();
        assert!(!frames.track(&frame(PONG, 4, true)));
        let (mut both, text) = (frame(PONG, 4, true), frame(0x1, 4, true));
        both.extend(&text);
        assert!(frames.track(&both));
        assert!(frames.track(&text[..3]) && frames.track(&text[3..]));
        assert!(!frames.track(&frame(PONG, 0, true)));
    }

    #[test]
    fn frames_begin_behind_the_head_that_agrees() {
        let agreed = b"HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\nHTTP/1.1 101 Switching Protocols\r\nC: d\r\n\r\n";
        for cut in 0..agreed.len() {
            let mut said = OutboundTracker::new();
            said.track(&agreed[..cut]);
            assert!(said.close_frame(CancelReason::SessionGone).is_none());
            said.track(&agreed[cut..]);
            assert!(said.close_frame(CancelReason::SessionGone).is_some(), "cut at {cut}");
            said.track(&frame(0x1, 5, false)[..3]);
            assert!(said.close_frame(CancelReason::SessionGone).is_none());
        }
        let mut said = OutboundTracker::new();
        said.track(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nHTTP/1.1 101 I am no head\r\n\r\n");
        assert!(said.close_frame(CancelReason::SessionGone).is_none());
    }
}
