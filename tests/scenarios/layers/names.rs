//! One word, one thing: no two types of the same name that more than one file can see (`docs/glossary.md`).

use std::{collections::BTreeMap, fs, path::Path};

use super::visit_files;

/// Names of the public and crate-visible types that a source file defines. An associated type has no visibility of its own.
fn types_in(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| {
        let after_visibility = line.trim_start().strip_prefix("pub")?;
        let item = match after_visibility.strip_prefix('(') {
            Some(scope) => scope.split_once(") ")?.1,
            None => after_visibility.strip_prefix(' ')?,
        };
        let (keyword, rest) = item.split_once(' ')?;
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        // A macro names its types elsewhere: `struct $name`.
        (end > 0 && matches!(keyword, "struct" | "enum" | "trait" | "type" | "union")).then_some(&rest[..end])
    })
}

#[test]
fn a_type_name_stands_once() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = BTreeMap::<String, Vec<String>>::new();
    visit_files(&source, &mut |path| {
        let text = fs::read_to_string(path).unwrap();
        let file = path.strip_prefix(&source).unwrap().display().to_string();
        for name in types_in(&text) {
            files.entry(name.to_owned()).or_default().push(file.clone());
        }
    });
    assert!(files.len() > 200, "the source was read");
    files.retain(|_, files| files.len() > 1);
    assert!(files.is_empty(), "type names that stand twice: {files:#?}");
}

#[test]
fn the_types_of_the_glossary_are_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut defined = std::collections::BTreeSet::new();
    visit_files(&root.join("src"), &mut |path| {
        let text = fs::read_to_string(path).unwrap();
        defined.extend(types_in(&text).map(str::to_owned));
    });
    let glossary = fs::read_to_string(root.join("docs/glossary.md")).unwrap();
    let (types, _) = glossary.split_once("## Stored and exported names").unwrap();
    let rows = types.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |")?.rsplit(" | ").next());
    let named: Vec<&str> = rows.flat_map(|column| column.split('`').skip(1).step_by(2)).collect();
    assert!(named.len() > 40, "{named:?}");
    let unknown: Vec<_> = named.iter().filter(|name| !defined.contains(**name)).collect();
    assert!(unknown.is_empty(), "docs/glossary.md names types that there are not: {unknown:?}");
}

#[test]
fn types_are_found_by_their_visibility() {
    let text = "pub struct A;\n    pub(in crate::web) enum B<T> {\npub(super) type C = u8;\nstruct D;\n    type E = u8;\n\
                pub trait F: Send {\n// pub struct G\npub const fn h() {}\npub struct I(u8);\npub struct $name;";
    assert_eq!(types_in(text).collect::<Vec<_>>(), ["A", "B", "C", "F", "I"]);
}
