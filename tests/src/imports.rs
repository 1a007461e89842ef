//! Which source file of a crate imports from which, read from the files themselves.
//!
//! A path that begins with `crate`, `self` or `super`, or with a module of the same file, leads to a
//! file; so does a name that was made public elsewhere by `pub use`. Tests are left out: they may look
//! at everything.
//!
//! Invariants:
//! - A re-export is followed to the file that has the item (`a_name_leads_to_the_file_that_has_it`).
//! - Tests do not count (`what_tests_import_does_not_count`).
//!
//! Next on the tour: the test `rooms.rs` in `tests/machine/`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use syn::visit::{self, Visit};
use syn::{Attribute, Item, ItemMod, ItemUse, UseTree, Visibility};

/// A module's place in its crate: `["run", "trap"]`; the crate itself is `[]`.
pub type Module = Vec<String>;

/// The source files of one crate.
#[derive(Debug, Default)]
pub struct Crate {
    files: BTreeMap<Module, Names>,
}

/// What one file names.
#[derive(Debug, Default)]
struct Names {
    /// The paths that it uses, as far as they can lead to another file, from the crate on.
    paths: BTreeSet<Vec<String>>,
    /// What it makes public of others: the name, and where it leads.
    exports: BTreeMap<String, Vec<String>>,
}

impl Crate {
    /// Reads `root`, a `lib.rs` or `main.rs`, and all files that belong to it.
    pub fn read(root: &Path) -> Self {
        let mut all = Self::default();
        let directory = root.parent().expect("a file is in a directory");
        all.read_file(root, directory, Module::new());
        all
    }

    fn read_file(&mut self, path: &Path, directory: &Path, module: Module) {
        let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let file = syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut reader = Reader { module: module.clone(), names: Names::default(), children: Vec::new() };
        reader.visit_file(&file);
        for child in reader.children {
            let (path, below) = place_of(directory, &child);
            self.read_file(&path, &below, [module.clone(), vec![child]].concat());
        }
        self.files.insert(module, reader.names);
    }

    /// Its modules with a file of their own.
    pub fn modules(&self) -> impl Iterator<Item = &Module> {
        self.files.keys()
    }

    /// All pairs of files of which the first imports from the second. That a file uses what its own
    /// module has is left out: `a/b.rs` is a part of `a`.
    pub fn imports(&self) -> BTreeSet<(Module, Module)> {
        let pairs = self.files.iter().flat_map(|(module, names)| {
            names.paths.iter().filter_map(|path| Some((module.clone(), self.owner(path, 0)?)))
        });
        pairs.filter(|(from, to)| !from.starts_with(to)).collect()
    }

    /// The file that has the item at `path`, behind `turns` re-exports.
    fn owner(&self, path: &[String], turns: usize) -> Option<Module> {
        let len = (0..=path.len()).rev().find(|&len| self.files.contains_key(&path[..len]))?;
        let (module, rest) = path.split_at(len);
        let export = rest.first().and_then(|name| self.files[module].exports.get(name));
        match export {
            Some(target) if turns < 8 => self.owner(&[target, &rest[1..]].concat(), turns + 1),
            Some(_) | None => Some(module.to_vec()),
        }
    }

    /// Files that import each other in a circle, if there are some; each imports from the next.
    pub fn circle(&self) -> Option<Vec<Module>> {
        let imports = self.imports();
        let mut left: BTreeSet<&Module> = self.files.keys().collect();
        // Who imports from nobody that is left is in no circle.
        while let Some(free) = left
            .iter()
            .copied()
            .find(|module| !imports.iter().any(|(from, to)| from == *module && left.contains(to)))
        {
            left.remove(free);
        }
        let mut path = vec![(*left.first()?).clone()];
        loop {
            let last = path.last().expect("it begins with one");
            let (_, next) = imports.iter().find(|(from, to)| from == last && left.contains(to))?;
            if let Some(start) = path.iter().position(|module| module == next) {
                return Some(path.split_off(start));
            }
            path.push(next.clone());
        }
    }
}

/// The file of module `child` of a file whose modules are in `directory`, and where its own are.
fn place_of(directory: &Path, child: &str) -> (PathBuf, PathBuf) {
    let below = directory.join(child);
    let beside = directory.join(format!("{child}.rs"));
    (if beside.is_file() { beside } else { below.join("mod.rs") }, below)
}

/// Reads one file.
struct Reader {
    module: Module,
    names: Names,
    /// The modules that have files of their own.
    children: Vec<String>,
}

impl Reader {
    /// Where a path leads that stands in this file, from the crate on; `None` if out of the crate.
    fn absolute(&self, path: &[String]) -> Option<Vec<String>> {
        let (first, rest) = path.split_first()?;
        let supers = path.iter().take_while(|word| *word == "super").count();
        match first.as_str() {
            "crate" => Some(rest.to_vec()),
            "self" => Some([&self.module, rest].concat()),
            "super" => {
                Some([&self.module[..self.module.len().checked_sub(supers)?], &path[supers..]].concat())
            }
            _ if self.children.contains(first) => Some([&self.module, path].concat()),
            _ => None,
        }
    }

    fn note_use(&mut self, tree: &UseTree, before: &[String], is_public: bool) {
        match tree {
            UseTree::Path(path) => {
                let before = [before, &[path.ident.to_string()]].concat();
                self.note_use(&path.tree, &before, is_public);
            }
            UseTree::Group(group) => {
                group.items.iter().for_each(|item| self.note_use(item, before, is_public));
            }
            UseTree::Name(name) if name.ident == "self" => self.note_path(before, None),
            UseTree::Name(name) => {
                let path = [before, &[name.ident.to_string()]].concat();
                self.note_path(&path, is_public.then(|| name.ident.to_string()));
            }
            UseTree::Rename(rename) => {
                let path = [before, &[rename.ident.to_string()]].concat();
                self.note_path(&path, is_public.then(|| rename.rename.to_string()));
            }
            UseTree::Glob(_) => self.note_path(before, None),
        }
    }

    fn note_path(&mut self, path: &[String], exported: Option<String>) {
        let Some(path) = self.absolute(path) else { return };
        match exported {
            // To make something public is not to need it.
            Some(name) => drop(self.names.exports.insert(name, path)),
            None => drop(self.names.paths.insert(path)),
        }
    }
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_file(&mut self, file: &'ast syn::File) {
        let modules = file.items.iter().filter_map(|item| match item {
            Item::Mod(module) if module.content.is_none() && is_here(&module.attrs) => Some(module),
            _ => None,
        });
        self.children = modules.map(|module| module.ident.to_string()).collect();
        visit::visit_file(self, file);
    }

    fn visit_item(&mut self, item: &'ast Item) {
        let attributes: &[Attribute] = match item {
            Item::Mod(ItemMod { attrs, .. }) | Item::Use(ItemUse { attrs, .. }) => attrs,
            Item::Fn(function) => &function.attrs,
            Item::Impl(block) => &block.attrs,
            _ => &[],
        };
        if !is_for_tests(attributes) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        self.note_use(&item.tree, &[], !matches!(item.vis, Visibility::Inherited));
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let words: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if words.len() > 1 {
            self.note_path(&words, None);
        }
        visit::visit_path(self, path);
    }
}

/// Whether a module with these attributes is no test, and not one of another crate's files.
fn is_here(attributes: &[Attribute]) -> bool {
    !is_for_tests(attributes) && !attributes.iter().any(|attribute| attribute.path().is_ident("path"))
}

/// Whether attributes say `#[cfg(test)]`.
fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.meta.require_list().is_ok_and(|list| list.tokens.to_string() == "test")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;

    fn read(files: &[(&str, &str)]) -> Crate {
        let scratch = Scratch::new();
        files.iter().for_each(|(name, text)| drop(scratch.file(name, text)));
        Crate::read(&scratch.path("lib.rs"))
    }

    fn names(modules: &[Module]) -> Vec<String> {
        modules.iter().map(|module| module.join("::")).collect()
    }

    #[test]
    fn a_name_leads_to_the_file_that_has_it() {
        let files = [
            ("lib.rs", "mod a; mod b; pub use b::c::Thing;"),
            ("a.rs", "use crate::Thing; fn f() { super::b::g(); }"),
            ("b/mod.rs", "pub mod c; pub fn g() {}"),
            ("b/c.rs", "pub struct Thing;"),
        ];
        let imports = read(&files).imports();
        let imports: Vec<_> = imports.iter().map(|(from, to)| (from.join("::"), to.join("::"))).collect();
        assert_eq!(imports, [("a".into(), "b".into()), ("a".into(), "b::c".into())]);
    }

    #[test]
    fn what_tests_import_does_not_count() {
        let files = [
            ("lib.rs", "mod a; #[cfg(test)] mod fakes;"),
            ("a.rs", "#[cfg(test)] use crate::fakes; #[cfg(test)] mod tests { use crate::fakes::f; }"),
        ];
        assert!(read(&files).imports().is_empty());
    }

    #[test]
    fn a_circle_is_found_whatever_its_length() {
        let files = [
            ("lib.rs", "mod a; mod b; mod c; mod d;"),
            ("a.rs", "use crate::b::f;"),
            ("b.rs", "use super::c::f;"),
            ("c.rs", "fn f() { crate::a::f() }"),
            ("d.rs", "use crate::a;"),
        ];
        assert_eq!(names(&read(&files).circle().unwrap()), ["a", "b", "c"]);
        let broken = [files[0], files[1], files[2], ("c.rs", ""), files[4]];
        assert_eq!(read(&broken).circle(), None);
    }
}
