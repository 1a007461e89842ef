//! SET_PMD ends a Guest whose tables have no middle directories: a Host that obeyed would take a
//! table of two levels for one of three.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kit::dialect::Dialect;
use kit::hypercall::Call;
use kit::paging::Root;
use kit::report;

kit::guest_test!(kill_middle_entry_without_pae);

fn kill_middle_entry_without_pae() {
    if Dialect::current().has_pae() {
        report::skip("this Guest has middle directories");
    }
    report::expect_kill("made hypercall 13, which does not exist");
    Call::set_pmd(Root::current().phys(), 0).make();
}
