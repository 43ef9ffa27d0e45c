//! Scenarios: what people and programs meet, in one process, with a clock that is moved by hand.

mod pages;
