//! On a narrow screen nothing must be scrolled sideways, and what one presses is as large as a fingertip.

use crate::{accessibility::each_page, browser::Browser};

#[tokio::test(flavor = "multi_thread")]
async fn every_page_fits_a_phone() {
    each_page(async |browser: &Browser, page: &str| {
        for pixels in [320, 390] {
            browser.width(pixels).await;
            let script = "return [document.documentElement.scrollWidth, innerWidth, \
                          [...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > innerWidth + 1 \
                          && !e.closest('.tabs, .visually-hidden')).map(e => e.outerHTML.slice(0, 120)).slice(0, 5)]";
            let measured = browser.driver.execute(script, Vec::new()).await.unwrap();
            let measured = measured.json();
            assert!(measured[0].as_u64() <= Some(u64::from(pixels)), "{page} at {pixels} px: {measured}");
            assert_eq!(measured[1].as_u64(), Some(u64::from(pixels)));
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_presses_is_44_pixels_high() {
    each_page(async |browser: &Browser, page: &str| {
        for pixels in [390, 1280] {
            browser.width(pixels).await;
            // As it is laid out: a dialog that is just opening is still on its way.
            let script = "return [...document.querySelectorAll('.btn, button, summary, .more, .tabs a, .choices a, .csv, .all a, .check, \
                          .home, .back a, .help a, .field input')].filter(e => e.checkVisibility() && \
                          e.offsetHeight < 44).map(e => e.outerHTML.slice(0, 120))";
            let small = browser.driver.execute(script, Vec::new()).await.unwrap();
            assert_eq!(small.json(), &serde_json::json!([]), "{page} at {pixels} px");
        }
    })
    .await;
}
