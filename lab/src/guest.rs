//! One Guest as a person describes it: as the words of `--guest`, or as a table of a file.
//!
//! ```text
//!   --guest vmlinux,name=b,mem=64M,disk=root.img,cow,net=lan,net=wan,open,append=quiet
//!           ^ FILE  ^ KEY=VALUE, any order      ^ belongs to the disk   ^ belongs to the card
//!
//!   [[guest]]
//!   kernel = "vmlinux"
//!   disk = "root.img,cow"
//!   net = ["lan", "wan,open"]
//! ```
//!
//! Both end in the same [`Guest`], by the same reader, so they know the same keys. A comma that is
//! part of a value of `--guest` is written twice.
//!
//! Invariants:
//! - Both forms say the same (`words_and_a_table_say_the_same`).
//! - An unknown key is answered with those there are (`an_unknown_key_is_answered_with_the_known_ones`).
//!
//! Next on the tour: [`crate::lab`].

use std::str::FromStr;

use serde::Deserialize;
use toml::{Table, Value};

/// Keys that may be given more than once.
const LISTS: [&str; 2] = ["disk", "net"];
/// The word for no disk, and for no card.
pub const NONE: &str = "none";

/// A Guest, its paths as they were typed.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Guest {
    /// Its image: the name of one that comes with Kennel, or a path.
    pub kernel: String,
    /// What the Host calls it.
    pub name: Option<String>,
    /// Its memory.
    pub mem: Option<Word>,
    /// The release whose ABI it speaks.
    pub abi: Option<Word>,
    /// Whether its page tables have three levels.
    pub pae: Option<Word>,
    /// Where its devices are.
    pub bus: Option<Word>,
    /// Its initrd, a path.
    pub initrd: Option<String>,
    /// Names for its addresses, a path.
    pub symbols: Option<String>,
    /// Its disks: `FILE[,ro|,cow|,cow=keep][,as=NAME]`.
    #[serde(default)]
    pub disk: List,
    /// Its cards: `NETWORK[,mac=ADDRESS][,open]`.
    #[serde(default)]
    pub net: List,
    /// Its command line.
    pub append: Option<String>,
}

/// A word of a module line; a file may write `64`, `true` and `false` without quotes.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(untagged, expecting = "expected a text in quotes, a whole number, true or false")]
pub enum Word {
    /// As it stands on the line.
    Text(String),
    /// A whole number.
    Number(u32),
    /// `yes` or `no`.
    Answer(bool),
}

impl Word {
    /// How the module line has it.
    pub fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number(number) => number.to_string(),
            Self::Answer(answer) => if *answer { "yes" } else { "no" }.into(),
        }
    }
}

/// Texts of which a file may write a single one without brackets.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(untagged, expecting = "expected a text in quotes, or several in brackets")]
pub enum List {
    /// The only one.
    One(String),
    /// As many as there are.
    Many(Vec<String>),
}

impl Default for List {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

impl List {
    /// The texts.
    pub fn texts(&self) -> &[String] {
        match self {
            Self::One(text) => std::slice::from_ref(text),
            Self::Many(texts) => texts,
        }
    }

    /// The texts for a change.
    pub fn texts_mut(&mut self) -> &mut [String] {
        match self {
            Self::One(text) => std::slice::from_mut(text),
            Self::Many(texts) => texts,
        }
    }
}

impl FromStr for Guest {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut items = split(text).into_iter();
        let kernel = items.next().filter(|file| !file.is_empty()).ok_or("the Guest's FILE comes first")?;
        let mut table = Table::new();
        table.insert("kernel".into(), Value::String(kernel));
        let mut last_key = String::new();
        for item in items {
            if belongs_to(&last_key, &item) {
                lengthen_last(&mut table, &last_key, &item);
                continue;
            }
            let Some((key, value)) = item.split_once('=') else {
                return Err(format!("\"{item}\" is no KEY=VALUE; a comma in a value is written ,,"));
            };
            add(&mut table, key, value)?;
            last_key = key.into();
        }
        read(table)
    }
}

/// Reads a table, and says "key" where the library says "field".
fn read(table: Table) -> Result<Guest, String> {
    Guest::deserialize(table).map_err(|why| why.message().replace("unknown field", "unknown key"))
}

/// Splits at commas; two in a row are one that stays.
fn split(text: &str) -> Vec<String> {
    let mut items = vec![String::new()];
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        let is_end = letter == ',' && letters.next_if_eq(&',').is_none();
        match items.last_mut() {
            Some(item) if !is_end => item.push(letter),
            _ => items.push(String::new()),
        }
    }
    items
}

/// Whether `item` says more about the disk or the card before it.
fn belongs_to(key: &str, item: &str) -> bool {
    match key {
        "disk" => is_disk_word(item),
        "net" => item == "open" || item.starts_with("mac="),
        _ => false,
    }
}

/// Whether a word says how a disk is written to, or what it is called.
pub fn is_disk_word(word: &str) -> bool {
    matches!(word, "ro" | "cow" | "cow=keep") || word.starts_with("as=")
}

fn lengthen_last(table: &mut Table, key: &str, item: &str) {
    let last = table.get_mut(key).and_then(Value::as_array_mut).and_then(|list| list.last_mut());
    if let Some(Value::String(text)) = last {
        text.push(',');
        text.push_str(item);
    }
}

fn add(table: &mut Table, key: &str, value: &str) -> Result<(), String> {
    let value = Value::String(value.into());
    if LISTS.contains(&key) {
        let list = table.entry(key).or_insert_with(|| Value::Array(Vec::new()));
        list.as_array_mut().expect("only this function adds to it").push(value);
        return Ok(());
    }
    match table.insert(key.into(), value) {
        None => Ok(()),
        Some(_) => Err(format!("it says {key}= twice")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> Result<Guest, String> {
        read(text.parse().unwrap())
    }

    #[test]
    fn words_and_a_table_say_the_same() {
        let words = "a.img,name=b,mem=64M,abi=3.19,pae=no,bus=pci,disk=r.img,cow,as=r,disk=s.img,\
                     net=lan,mac=52:54:00:00:00:01,open,net=wan,initrd=i,symbols=s,append=x y";
        let same = r#"
            kernel = "a.img"
            name = "b"
            mem = "64M"
            abi = "3.19"
            pae = "no"
            bus = "pci"
            disk = ["r.img,cow,as=r", "s.img"]
            net = ["lan,mac=52:54:00:00:00:01,open", "wan"]
            initrd = "i"
            symbols = "s"
            append = "x y"
        "#;
        let guest = words.parse::<Guest>().unwrap();
        assert_eq!(Ok(&guest), table(same).as_ref());
        assert_eq!((guest.kernel.as_str(), guest.net.texts().len()), ("a.img", 2));
    }

    #[test]
    fn a_comma_in_a_value_is_written_twice() {
        let guest: Guest = "a,,b,append=console=hvc0,,115200,disk=c,,1.img,ro".parse().unwrap();
        assert_eq!(guest.kernel, "a,b");
        assert_eq!(guest.append.as_deref(), Some("console=hvc0,115200"));
        assert_eq!(guest.disk.texts(), ["c,1.img,ro"]);
        let why = "a,append=console=hvc0,115200".parse::<Guest>().unwrap_err();
        assert!(why.contains("\"115200\"") && why.contains("written ,,"), "{why}");
    }

    #[test]
    fn a_file_may_leave_out_quotes_and_brackets() {
        let guest = table("kernel = 'a'\nmem = 64\npae = true\nnet = 'lan'").unwrap();
        let words = [&guest.mem, &guest.pae].map(|word| word.as_ref().unwrap().text());
        assert_eq!(words, ["64", "yes"]);
        assert_eq!(guest.net.texts(), ["lan"]);
    }

    #[test]
    fn an_unknown_key_is_answered_with_the_known_ones() {
        for why in
            ["a,colour=red".parse::<Guest>().unwrap_err(), table("kernel='a'\ncolour='red'").unwrap_err()]
        {
            for words in ["unknown key `colour`", "`kernel`", "`name`", "`mem`", "`append`"] {
                assert!(why.contains(words), "no {words} in: {why}");
            }
        }
    }

    #[test]
    fn what_is_said_twice_or_not_at_all_is_refused() {
        for (words, why) in
            [("a,mem=1M,mem=2M", "mem= twice"), ("", "comes first"), ("a,kernel=b", "kernel= twice")]
        {
            let said = words.parse::<Guest>().unwrap_err();
            assert!(said.contains(why), "{said}");
        }
        assert!(table("name='a'").unwrap_err().contains("kernel"));
    }
}
