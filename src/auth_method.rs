//! How somebody proved who they are, and how surely, as sessions, the audit log and the API name it.

use serde::{Deserialize, Serialize};

/// A way to prove who one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthMethod {
    /// A password.
    Password,
}

/// How surely somebody proved who they are. Stored and shown as the number of factors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "u8", try_from = "u8")]
pub enum Assurance {
    /// One factor.
    OneFactor,
    /// Two factors of different kinds.
    TwoFactors,
}

impl From<Assurance> for u8 {
    fn from(assurance: Assurance) -> Self {
        match assurance {
            Assurance::OneFactor => 1,
            Assurance::TwoFactors => 2,
        }
    }
}

impl TryFrom<u8> for Assurance {
    type Error = &'static str;

    fn try_from(factors: u8) -> Result<Self, Self::Error> {
        match factors {
            1 => Ok(Self::OneFactor),
            2 => Ok(Self::TwoFactors),
            _ => Err("a number of factors that there is not"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assurance_is_kept_as_the_number_of_factors() {
        for (assurance, kept) in [(Assurance::OneFactor, "1"), (Assurance::TwoFactors, "2")] {
            assert_eq!(serde_json::to_string(&assurance).unwrap(), kept);
            assert_eq!(serde_json::from_str::<Assurance>(kept).unwrap(), assurance);
        }
        assert!(Assurance::OneFactor < Assurance::TwoFactors);
        for unknown in [0, 3, u8::MAX] {
            assert!(Assurance::try_from(unknown).is_err(), "{unknown}");
        }
    }
}
