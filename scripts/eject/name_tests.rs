use super::*;

#[test]
fn a_name_is_replaced_in_both_forms_and_only_where_it_stands_alone() {
    let text =
        "use old_name::a; env!(\"CARGO_BIN_EXE_old-name\") old-name-ci fold-name urn:old-name:x old_name__t";
    let new = "use new::a; env!(\"CARGO_BIN_EXE_new\") old-name-ci fold-name urn:new:x new__t";
    assert_eq!(replace_forms(text, "old-name", "new"), new);
}

#[test]
fn a_name_of_one_word_finds_its_form_again() {
    assert_eq!(
        replace_forms("name = \"old\" use old::a; old__t", "old", "n-n"),
        "name = \"n-n\" use n_n::a; n_n__t"
    );
}
