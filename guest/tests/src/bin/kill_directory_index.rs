//! A directory entry beyond the last ends the Guest. The Host of old took one too many.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kit::hypercall::Call;
use kit::paging::Root;
use kit::report;

kit::guest_test!(kill_directory_index);

fn kill_directory_index() {
    report::expect_kill("changed page-directory entry 1024, beyond the last");
    Call::set_pgd(Root::current().phys(), 1024).make();
}
