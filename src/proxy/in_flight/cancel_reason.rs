//! Reasons for which a request in flight is cancelled: their metric labels, their numbers, and what a WebSocket is told.

use crate::session::EndReason;

/// Reason for which a request in flight is cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CancelReason {
    /// The session of the request ended.
    Ended(EndedSession),
    /// The session was not in the store any more, and the log of ends did not tell how it ended.
    SessionGone,
    /// The store could not be asked about the session for too long.
    StoreUnavailable,
    /// The process stops, and the grace period is over.
    Shutdown,
    /// The client took nothing of the response for too long.
    WriteIdle,
    /// The client was one slow reader too many of its session or its address, and had been slow for longest.
    SlowReader,
}

/// End of a session as far as a cancelled request tells of it: [`EndReason`] without its details.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndedSession {
    /// The browser signed out.
    SignedOut,
    /// The user ended it from another device.
    OtherDevice,
    /// An administrator ended it.
    Administrator,
    /// The password was changed.
    PasswordChanged,
    /// The account was disabled or removed.
    AccountDisabled,
    /// The session was idle for too long.
    Idle,
    /// The session reached the end of its lifetime.
    Expired,
    /// The user opened more sessions than one may have.
    TooMany,
}

impl CancelReason {
    /// Every reason, in the order of its number.
    const ALL: [Self; 13] = [
        Self::Ended(EndedSession::SignedOut),
        Self::Ended(EndedSession::OtherDevice),
        Self::Ended(EndedSession::Administrator),
        Self::Ended(EndedSession::PasswordChanged),
        Self::Ended(EndedSession::AccountDisabled),
        Self::Ended(EndedSession::Idle),
        Self::Ended(EndedSession::Expired),
        Self::Ended(EndedSession::TooMany),
        Self::SessionGone,
        Self::StoreUnavailable,
        Self::Shutdown,
        Self::WriteIdle,
        Self::SlowReader,
    ];

    /// Every value of the label `reason`, so that each series exists from the start.
    pub const LABELS: [&'static str; 13] = {
        let mut labels = [""; 13];
        let mut index = 0;
        while index < labels.len() {
            labels[index] = Self::ALL[index].label();
            index += 1;
        }
        labels
    };

    /// Reason of a request whose session ended.
    #[must_use]
    pub const fn from_end_reason(reason: &EndReason) -> Self {
        Self::Ended(match reason {
            EndReason::SignedOut => EndedSession::SignedOut,
            EndReason::FromAnotherDevice { .. } => EndedSession::OtherDevice,
            EndReason::ByAdministrator => EndedSession::Administrator,
            EndReason::PasswordChanged => EndedSession::PasswordChanged,
            EndReason::AccountDisabled => EndedSession::AccountDisabled,
            EndReason::Idle { .. } => EndedSession::Idle,
            EndReason::Expired => EndedSession::Expired,
            EndReason::TooMany => EndedSession::TooMany,
        })
    }

    /// Value of the metric label `reason`, and of the log field `cut`: of an end that of [`EndReason::label`].
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Ended(EndedSession::SignedOut) => "signed_out",
            Self::Ended(EndedSession::OtherDevice) => "other_device",
            Self::Ended(EndedSession::Administrator) => "administrator",
            Self::Ended(EndedSession::PasswordChanged) => "password_changed",
            Self::Ended(EndedSession::AccountDisabled) => "account_disabled",
            Self::Ended(EndedSession::Idle) => "idle",
            Self::Ended(EndedSession::Expired) => "expired",
            Self::Ended(EndedSession::TooMany) => "too_many",
            Self::SessionGone => "gone",
            Self::StoreUnavailable => "store_away",
            Self::Shutdown => "stopping",
            Self::WriteIdle => "write_idle",
            Self::SlowReader => "slow_reader",
        }
    }

    /// Status code of a WebSocket's Close frame (RFC 6455, 7.4.1), and its reason text.
    #[must_use]
    pub const fn close_status(self) -> (u16, &'static str) {
        match self {
            Self::StoreUnavailable => (1013, "try again later"),
            Self::Shutdown => (1001, "going away"),
            Self::SlowReader | Self::WriteIdle => (1013, "reads too slowly"),
            Self::Ended(_) | Self::SessionGone => (1008, "signed out"),
        }
    }

    /// Number of the reason, never 0: a slot keeps it in one byte of an atomic.
    pub(super) const fn as_u8(self) -> u8 {
        match self {
            Self::Ended(EndedSession::SignedOut) => 1,
            Self::Ended(EndedSession::OtherDevice) => 2,
            Self::Ended(EndedSession::Administrator) => 3,
            Self::Ended(EndedSession::PasswordChanged) => 4,
            Self::Ended(EndedSession::AccountDisabled) => 5,
            Self::Ended(EndedSession::Idle) => 6,
            Self::Ended(EndedSession::Expired) => 7,
            Self::Ended(EndedSession::TooMany) => 8,
            Self::SessionGone => 9,
            Self::StoreUnavailable => 10,
            Self::Shutdown => 11,
            Self::WriteIdle => 12,
            Self::SlowReader => 13,
        }
    }

    /// Reason with this number.
    pub(super) const fn from_u8(number: u8) -> Option<Self> {
        Some(match number {
            1 => Self::Ended(EndedSession::SignedOut),
            2 => Self::Ended(EndedSession::OtherDevice),
            3 => Self::Ended(EndedSession::Administrator),
            4 => Self::Ended(EndedSession::PasswordChanged),
            5 => Self::Ended(EndedSession::AccountDisabled),
            6 => Self::Ended(EndedSession::Idle),
            7 => Self::Ended(EndedSession::Expired),
            8 => Self::Ended(EndedSession::TooMany),
            9 => Self::SessionGone,
            10 => Self::StoreUnavailable,
            11 => Self::Shutdown,
            12 => Self::WriteIdle,
            13 => Self::SlowReader,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        session::ClientKind,
        visitor::{Device, DeviceKind},
    };

    #[test]
    fn each_reason_keeps_its_label_and_its_number() {
        for (index, reason) in CancelReason::ALL.into_iter().enumerate() {
            assert_eq!(usize::from(reason.as_u8()), index + 1);
            assert_eq!(CancelReason::from_u8(reason.as_u8()), Some(reason));
        }
        assert_eq!((CancelReason::from_u8(0), CancelReason::from_u8(14)), (None, None));
        let others = ["gone", "store_away", "stopping", "write_idle", "slow_reader"];
        let labels: Vec<&str> = EndReason::LABELS.into_iter().chain(others).collect();
        assert_eq!(CancelReason::LABELS.as_slice(), labels);
    }

    #[test]
    fn an_ended_session_is_labelled_as_its_end_is() {
        for end in [
            EndReason::SignedOut,
            EndReason::FromAnotherDevice {
                device: Device { kind: DeviceKind::Desktop, browser: None, os: None, model: None },
            },
            EndReason::ByAdministrator,
            EndReason::PasswordChanged,
            EndReason::AccountDisabled,
            EndReason::Idle { kind: ClientKind::Web },
            EndReason::Expired,
            EndReason::TooMany,
        ] {
            assert_eq!(CancelReason::from_end_reason(&end).label(), end.label());
        }
    }
}
