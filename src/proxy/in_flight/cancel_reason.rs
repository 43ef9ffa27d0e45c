//! Why something in flight is cut, and what a WebSocket is told of it.

use crate::session::EndReason;

/// Why something in flight is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CancelReason(u8);

impl CancelReason {
    /// Its session was not there any more when somebody looked, and the log of ends did not tell how it went.
    pub const SESSION_GONE: Self = Self(8);
    /// For too long nobody could tell whether its session was still there.
    pub const STORE_UNAVAILABLE: Self = Self(9);
    /// Portcullis stops, and its time to end by itself is over.
    pub const SHUTDOWN: Self = Self(10);
    /// Its client took nothing of the answer for too long.
    pub const WRITE_IDLE: Self = Self(11);
    /// Its client was one slow reader too many of its session or its address, and had been slow for longest.
    pub const SLOW_READER: Self = Self(12);

    /// Every value of the label `reason`, so that each series exists from the start: first those of [`Ending::LABELS`].
    pub const LABELS: [&'static str; 13] = {
        let mut labels = [""; 13];
        let mut index = 0;
        while index < EndReason::LABELS.len() {
            labels[index] = EndReason::LABELS[index];
            index += 1;
        }
        labels[Self::SESSION_GONE.0 as usize] = "gone";
        labels[Self::STORE_UNAVAILABLE.0 as usize] = "store_away";
        labels[Self::SHUTDOWN.0 as usize] = "stopping";
        labels[Self::WRITE_IDLE.0 as usize] = "write_idle";
        labels[Self::SLOW_READER.0 as usize] = "slow_reader";
        labels
    };

    /// Because its session ended.
    #[must_use]
    pub fn from_end_reason(ending: &EndReason) -> Self {
        let index = Self::LABELS.iter().position(|label| *label == ending.label());
        index.and_then(|index| u8::try_from(index).ok()).map_or(Self::SESSION_GONE, Self)
    }

    /// Its value of the label `reason`, and of `cut` in the log.
    #[must_use]
    pub const fn label(self) -> &'static str {
        Self::LABELS[self.0 as usize]
    }

    /// The status of a WebSocket's Close frame (RFC 6455, 7.4.1), and its words.
    #[must_use]
    pub const fn close_status(self) -> (u16, &'static str) {
        match self {
            Self::STORE_UNAVAILABLE => (1013, "try again later"),
            Self::SHUTDOWN => (1001, "going away"),
            Self::SLOW_READER | Self::WRITE_IDLE => (1013, "reads too slowly"),
            _ => (1008, "signed out"),
        }
    }

    /// As a number that is not 0 and fits into a byte.
    pub(super) const fn code(self) -> u64 {
        self.0 as u64 + 1
    }

    /// From that number.
    pub(super) const fn from_code(code: u64) -> Option<Self> {
        match code {
            #[expect(clippy::cast_possible_truncation, reason = "it is below 14")]
            1..=13 => Some(Self(code as u8 - 1)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_keeps_its_name_and_its_number() {
        for (index, label) in EndReason::LABELS.into_iter().enumerate() {
            assert_eq!(CancelReason::LABELS[index], label);
        }
        assert_eq!(CancelReason::from_end_reason(&EndReason::TooMany).label(), "too_many");
        for index in 0..CancelReason::LABELS.len() {
            let reason = CancelReason(u8::try_from(index).unwrap());
            assert!(!reason.label().is_empty());
            assert_eq!(CancelReason::from_code(reason.code()), Some(reason));
        }
        assert_eq!((CancelReason::from_code(0), CancelReason::from_code(14)), (None, None));
    }
}
