//! What must not compile.

#[test]
fn an_upload_of_an_unsealed_recording_does_not_compile() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/unsealed/*.rs");
}
