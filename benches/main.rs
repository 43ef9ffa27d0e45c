//! Parts of Portcullis, measured by themselves: `cargo bench`, or `cargo bench -- store/find` for some of them.
//!
//! What a request costs as a whole is measured by `benches/compare/run`. Nothing here asserts a time.

mod gate;
mod lists;
mod store;

mod device;

mod house;
mod people;

use criterion::Criterion;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    gate::measure(&mut criterion);
    store::measure(&mut criterion);
    lists::measure(&mut criterion);
    device::measure(&mut criterion);
    criterion.final_summary();
}
