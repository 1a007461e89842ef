//! What is answered to whom asks for one Guest, `a`, and for others.

use proptest::prelude::*;

use super::*;

const ADDRESS: Ipv4Address = Ipv4Address::new(10, 77, 0, 8);

/// A network with one Guest.
struct One;

impl Names for One {
    fn address_of(&self, name: &[u8]) -> Option<Ipv4Address> {
        name.eq_ignore_ascii_case(b"a").then_some(ADDRESS)
    }

    fn name_of(&self, address: Ipv4Address) -> Option<&str> {
        (address == ADDRESS).then_some("a")
    }

    fn is_ours(&self, address: Ipv4Address) -> bool {
        address.octets()[..3] == [10, 77, 0]
    }
}

fn query(labels: &[&str], kind: u8) -> Vec<u8> {
    let mut bytes = vec![0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in labels {
        bytes.push(label.len() as u8);
        bytes.extend(label.bytes());
    }
    bytes.push(0);
    bytes.extend([0, kind, 0, 1]);
    bytes
}

/// The same with EDNS of this version.
fn with_edns(mut query: Vec<u8>, version: u8) -> Vec<u8> {
    query[11] += 1;
    query.extend([0, 0, 41, 4, 208, 0, version, 0x80, 0, 0, 4, 0, 10, 0, 0]);
    query
}

fn ask(query: &[u8]) -> Option<Vec<u8>> {
    answer(query, &One).map(|answer| answer.to_vec())
}

/// Flags and counts of an answer: what stands behind the number.
fn head(query: &[u8]) -> Vec<u8> {
    ask(query).unwrap()[2..12].to_vec()
}

#[test]
fn a_guest_is_found_by_its_name_written_as_it_was_asked() {
    for name in ["a", "A"] {
        for kind in [1, 255] {
            let query = query(&[name], kind);
            let record = [0xC0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 10, 77, 0, 8];
            let head = [0x12, 0x34, 0x85, 0, 0, 1, 0, 1, 0, 0, 0, 0];
            assert_eq!(ask(&query).unwrap(), [&head[..], &query[12..], &record].concat());
        }
    }
}

#[test]
fn a_guest_is_found_by_its_address() {
    let asked = query(&["8", "0", "77", "10", "in-addr", "ARPA"], 12);
    let answer = ask(&asked).unwrap();
    assert_eq!(answer[2..12], [0x85, 0, 0, 1, 0, 1, 0, 0, 0, 0]);
    assert!(answer.ends_with(&[0xC0, 12, 0, 12, 0, 1, 0, 0, 0, 60, 0, 3, 1, b'a', 0]));
    let code = |labels: &[&str]| head(&query(labels, 12))[1];
    assert_eq!(code(&["9", "0", "77", "10", "in-addr", "arpa"]), 3);
    assert_eq!(code(&["8", "0", "168", "192", "in-addr", "arpa"]), 5);
    assert_eq!(code(&["1", "8", "0", "77", "10", "in-addr", "arpa"]), 5);
}

#[test]
fn a_name_that_is_there_has_nothing_but_an_address() {
    for kind in [28, 15, 16, 65, 12, 2] {
        assert_eq!(head(&query(&["a"], kind)), [0x85, 0, 0, 1, 0, 0, 0, 0, 0, 0], "{kind}");
    }
}

#[test]
fn other_names_are_not_there_or_none_of_ours() {
    let code = |labels: &[&str]| head(&query(labels, 1))[1];
    assert_eq!([code(&["b"]), code(&["a", "org"]), code(&[])], [3, 5, 5]);
    let mut of_another_class = query(&["a"], 1);
    *of_another_class.last_mut().unwrap() = 3;
    assert_eq!(head(&of_another_class)[1], 5);
}

#[test]
fn who_speaks_edns_is_answered_in_it() {
    let answer = ask(&with_edns(query(&["a"], 1), 0)).unwrap();
    assert_eq!(answer[2..12], [0x85, 0, 0, 1, 0, 1, 0, 0, 0, 1]);
    assert!(answer.ends_with(&[0, 0, 41, 5, 192, 0, 0, 0, 0, 0, 0]));
    let answer = ask(&with_edns(query(&["a"], 1), 1)).unwrap();
    assert_eq!(answer[2..12], [0x81, 0, 0, 1, 0, 0, 0, 0, 0, 1]);
    assert!(answer.ends_with(&[0, 0, 41, 5, 192, 1, 0, 0, 0, 0, 0]), "bad version");
    let twice = with_edns(with_edns(query(&["a"], 1), 0), 0);
    assert_eq!(head(&twice)[1], 1);
}

#[test]
fn what_is_no_question_is_told_so() {
    let mut two = query(&["a"], 1);
    two[5] = 2;
    assert_eq!(head(&two), [0x81, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
    let mut status = query(&["a"], 1);
    status[2] = 0x10;
    assert_eq!(head(&status), [0x90, 4, 0, 0, 0, 0, 0, 0, 0, 0]);
    let mut answer = query(&["a"], 1);
    answer[2] = 0x80;
    assert_eq!((ask(&answer), ask(&[0; 11])), (None, None));
    let pointer = [&query(&[], 1)[..12], &[0xC0, 12, 0, 1, 0, 1]].concat();
    assert_eq!(head(&pointer)[1], 1, "it points at itself");
    let mut more = query(&["a"], 1);
    more[11] = 9;
    assert_eq!(head(&more)[1], 1, "records that are not there");
}

proptest! {
    #[test]
    fn any_query_is_answered_or_not(
        labels in proptest::collection::vec("[a-c.]{1,63}", 0..6), edns: bool,
        changes in proptest::collection::vec((0usize..200, any::<u8>()), 0..4),
    ) {
        let mut query = query(&labels.iter().map(String::as_str).collect::<Vec<_>>(), 1);
        if edns {
            query = with_edns(query, 0);
        }
        for (place, byte) in changes {
            query.get_mut(place).into_iter().for_each(|old| *old = byte);
        }
        if let Some(answer) = ask(&query) {
            prop_assert!(answer.len() <= query.len() + 16 + EDNS_LEN && answer[2] & 0x80 != 0);
            prop_assert_eq!(&answer[..2], &query[..2]);
        }
    }
}
