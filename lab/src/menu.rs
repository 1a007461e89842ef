//! The boot menu: `grub/grub.cfg` with the words of Host and modules in it.
//!
//! Next on the tour: [`crate::medium`].

use crate::module::Module;

/// Fills in the words.
pub fn fill(template: &str, host: &str, modules: &[Module]) -> String {
    template
        .replace("@HOST_OPTIONS@", &words(host))
        .replace("@MODULES_1@", &lines("module", modules))
        .replace("@MODULES_2@", &lines("module2", modules))
}

/// A line for each module; `word` is GRUB's for one.
fn lines(word: &str, modules: &[Module]) -> String {
    let line =
        |module: &Module| format!("    {word} --nounzip /boot/{}{}", module.place, words(&module.line));
    modules.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Words the way GRUB reads them back unchanged: each in single quotes, after a space.
fn words(line: &str) -> String {
    line.split_ascii_whitespace().map(|word| format!(" '{}'", word.replace('\'', r"'\''"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::module::Source;

    #[test]
    fn every_word_is_quoted_for_grub() {
        let module = Module {
            source: Source::Example,
            place: "guest".into(),
            line: "guest name=a --  it's $x; ok".into(),
            owner: String::new(),
        };
        let menu = fill("k@HOST_OPTIONS@\n@MODULES_2@\n", "debug-exit", &[module]);
        let expected =
            "k 'debug-exit'\n    module2 --nounzip /boot/guest 'guest' 'name=a' '--' 'it'\\''s' '$x;' 'ok'\n";
        assert_eq!(menu, expected);
    }
}
