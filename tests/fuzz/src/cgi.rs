//! The head that a command writes on its standard output.

pub(crate) fn run(written: &[u8]) {
    let Some((head, body)) = worker::fuzzing::cgi_head(written) else {
        // It waits for an empty line: there is none.
        assert!(!written.windows(2).any(|pair| pair == b"\n\n"));
        return;
    };
    assert!(body <= written.len());
    assert_eq!(written[body - 1], b'\n', "a head ends with a line");
    if let Some(head) = head {
        assert!((100..1000).contains(&head.status().as_u16()));
    }
    // What comes later changes nothing.
    let longer = [&written[..body], b"Status: 500\n\n"].concat();
    let again = worker::fuzzing::cgi_head(&longer).expect("the same head");
    assert_eq!(again.1, body);
}
