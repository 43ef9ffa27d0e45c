//! The pictures, as inline SVG: no file to fetch, and they take the colour of the text around them.

use std::fmt;

use askama::filters::HtmlSafe;

use crate::visitor::DeviceKind;

/// A picture. It says nothing that the text beside it does not say, so it is hidden from screen readers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Icon {
    /// The mark: a portcullis of five bars, down.
    Logo,
    /// The mark with its bars lifted.
    LogoOpen,
    /// A device.
    Device(DeviceKind),
    /// Something went well.
    Check,
    /// Something needs attention.
    Warning,
    /// Show or hide what is typed.
    Eye,
}

impl Icon {
    const fn svg_paths(self) -> &'static str {
        match self {
            Self::Logo => {
                "<path d=\"M3.5 21V10a8.5 8.5 0 0 1 17 0v11\"/><path stroke-width=\"1.5\" d=\"M8 6.5v14M12 4.5v17M16 6.5v14M5.5 11.5h13M5.5 16h13\"/>"
            }
            Self::LogoOpen => {
                "<path d=\"M3.5 21V10a8.5 8.5 0 0 1 17 0v11\"/><path stroke-width=\"1.5\" d=\"M8 4.5V12M12 2.5V13M16 4.5V12M5.5 5.5h13M5 9.5h14\"/>"
            }
            Self::Device(kind) => device_paths(kind),
            Self::Check => "<circle cx=\"12\" cy=\"12\" r=\"9\"/><path d=\"m8 12.4 2.7 2.7L16 9.6\"/>",
            Self::Warning => "<path d=\"M12 3.5 2.5 20h19z\"/><path d=\"M12 10v4.2M12 17.1v.1\"/>",
            Self::Eye => {
                "<path d=\"M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12z\"/><circle cx=\"12\" cy=\"12\" r=\"2.8\"/><path class=\"strike\" d=\"M4 20 20 4\"/>"
            }
        }
    }
}

const fn device_paths(kind: DeviceKind) -> &'static str {
    match kind {
        DeviceKind::Desktop => {
            "<rect x=\"3\" y=\"4\" width=\"18\" height=\"12\" rx=\"1.5\"/><path d=\"M9 20h6M12 16v4\"/>"
        }
        DeviceKind::Laptop => "<rect x=\"5\" y=\"5\" width=\"14\" height=\"10\" rx=\"1.5\"/><path d=\"M2.5 18.5h19\"/>",
        DeviceKind::Phone => "<rect x=\"7\" y=\"2.5\" width=\"10\" height=\"19\" rx=\"2\"/><path d=\"M11 18.5h2\"/>",
        DeviceKind::Tablet => "<rect x=\"4.5\" y=\"3\" width=\"15\" height=\"18\" rx=\"2\"/><path d=\"M11 18h2\"/>",
        DeviceKind::Tv => {
            "<rect x=\"2.5\" y=\"6.5\" width=\"19\" height=\"12\" rx=\"1.5\"/><path d=\"m8.5 2.5 3.5 4 3.5-4M7 21.5h10\"/>"
        }
        DeviceKind::Console => {
            "<path d=\"M8 7h8a5.5 5.5 0 0 1 5.4 6.5l-.5 3a2.2 2.2 0 0 1-3.9 1L15 15H9l-2 2.5a2.2 2.2 0 0 1-3.9-1l-.5-3A5.5 5.5 0 0 1 8 7z\"/><path d=\"M7 11h3M8.5 9.5v3M15.5 11h.01M17.5 12.2h.01\"/>"
        }
        DeviceKind::Bot => {
            "<rect x=\"3\" y=\"4.5\" width=\"18\" height=\"15\" rx=\"2\"/><path d=\"m7 9.5 3 2.5-3 2.5M12.5 15H17\"/>"
        }
        DeviceKind::Unknown => {
            "<circle cx=\"12\" cy=\"12\" r=\"9\"/><path d=\"M9.5 9.7a2.5 2.5 0 1 1 3.7 2.2c-.8.5-1.2 1-1.2 1.900M12 16.600v.1\"/>"
        }
    }
}

impl fmt::Display for Icon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "<svg width=\"24\" height=\"24\" viewBox=\"0 0 24 24\" fill=\"none\" stroke=\"currentColor\" stroke-width=\"1.7\" stroke-linecap=\"round\" \
             stroke-linejoin=\"round\" aria-hidden=\"true\">{}</svg>",
            self.svg_paths()
        )
    }
}

// Nothing in it comes from outside.
impl HtmlSafe for Icon {}
