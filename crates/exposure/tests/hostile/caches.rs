use super::*;

// ---- 1 origin names sessions, not people, in its requests
#[test]
fn t01_origin_requests_with_session_but_no_person() {
    let e = edge(&[
        E { end: 60 * S, session: "sa", id: "a1", ..D },
        E { end: 60 * S + 900, taken: "0.010", session: "sb", result: "Hit", id: "b1", ..D },
    ]);
    let o = logins() + &req(60 * S, "", "sa", "/mypage", 200, "a1");
    not_left_out(&run(&e, &o, &facts(1, 1)), "ann");
}
#[test]
fn t01b_the_same_with_default_facts() {
    let e = edge(&[
        E { end: 60 * S, session: "sa", id: "a1", ..D },
        E { end: 60 * S + 900, taken: "0.010", session: "sb", result: "Hit", id: "b1", ..D },
    ]);
    let o = logins() + &req(60 * S, "", "sa", "/mypage", 200, "a1");
    not_left_out(&run(&e, &o, &CacheFacts::default()), "ann");
}
#[test]
fn t01c_nobody_named_and_no_session() {
    // Only the edge knows the session of the request.
    let e = edge(&[
        E { end: 60 * S, session: "sa", id: "a1", ..D },
        E { end: 60 * S + 900, taken: "0.010", session: "sb", result: "Hit", id: "b1", ..D },
    ]);
    let o = logins() + &req(60 * S, "", "", "/mypage", 200, "a1");
    not_left_out(&run(&e, &o, &facts(1, 1)), "ann");
}
// ---- 2 an answer that the cache had, while the same id went to the origin in the background
#[test]
fn t02_background_update_nginx() {
    let e = ng(60 * S, "0.100", "a1", "MISS", "/mypage", "200", "sa", "h")
        + &ng(63 * S, "0.001", "b1", "UPDATING", "/mypage", "200", "sb", "h");
    let o = logins()
        + &req(60 * S, "ann", "sa", "/mypage", 200, "a1")
        + &req(63 * S + 50, "ben", "sb", "/mypage", 200, "b1");
    not_left_out(&run_ng(&e, &o, &facts(2, 1)), "ann");
}
#[test]
fn t02b_grace_varnish() {
    let v = "%t %D %{X-Request-Id}i %{Varnish:handling}x \"%r\" %s \"%{Cookie}i\" %{Content-Length}o";
    let l = |at: i64, id: &str, h: &str, s: &str| {
        format!(
            "[{}] 1000 {id} {h} \"GET http://w/mypage HTTP/1.1\" 200 \"session={s}\" 5000\n",
            ts(at).strftime("%d/%b/%Y:%H:%M:%S +0000")
        )
    };
    let e = l(60 * S, "2", "miss", "sa") + &l(63 * S, "5", "hit", "sb");
    let o = logins()
        + &req(60 * S, "ann", "sa", "/mypage", 200, "2")
        + &req(63 * S + 50, "ben", "sb", "/mypage", 200, "5");
    not_left_out(
        &run_q(query(), &[("edge", &e), ("origin", &o)], &facts(11, 1), Some((v, Dialect::Apache))),
        "ann",
    );
}
// ---- 3 stale-if-error
#[test]
fn t03_stale_because_the_origin_failed() {
    let e = ng(60 * S, "0.100", "a1", "MISS", "/mypage", "200", "sa", "h")
        + &ng(90 * S, "0.010", "b1", "STALE", "/mypage", "200", "sb", "h");
    let o = logins()
        + &req(60 * S, "ann", "sa", "/mypage", 200, "a1")
        + &req(90 * S, "ben", "sb", "/mypage", 503, "b1");
    not_left_out(&run_ng(&e, &o, &facts(2, 1)), "ann");
}
#[test]
fn t03b_origin_failed_edge_200_word_unknown() {
    let e = edge(&[
        E { end: 60 * S, session: "sa", id: "a1", ..D },
        E { end: 61 * S, taken: "0.010", session: "sb", result: "Miss", id: "b1", ..D },
    ]);
    let o = logins()
        + &req(60 * S, "ann", "sa", "/mypage", 200, "a1")
        + &req(61 * S, "ben", "sb", "/mypage", 503, "b1");
    not_left_out(&run(&e, &o, &facts(60, 2)), "ann");
}
// ---- 4 refused at the edge (499, 504), made at the origin
#[test]
fn t04_viewer_left_nginx_499() {
    let e = ng(60 * S, "0.100", "a1", "MISS", "/mypage", "499", "sa", "h")
        + &ng(61 * S, "0.001", "b1", "HIT", "/mypage", "200", "sb", "h");
    let o = logins() + &req(60 * S, "ann", "sa", "/mypage", 200, "a1");
    not_left_out(&run_ng(&e, &o, &facts(2, 1)), "ann");
}
#[test]
fn t04b_499_and_another_fill_confirms_the_wrong_one() {
    let e = ng(60 * S, "0.100", "c1", "MISS", "/mypage", "200", "sc", "h")
        + &ng(62 * S + 100, "0.100", "a1", "EXPIRED", "/mypage", "499", "sa", "h")
        + &ng(62 * S + 900, "0.001", "b1", "HIT", "/mypage", "200", "sb", "h");
    let o = logins()
        + &req(60 * S, "cat", "sc", "/mypage", 200, "c1")
        + &req(62 * S + 200, "ann", "sa", "/mypage", 200, "a1");
    let r = run_ng(&e, &o, &facts(3, 1));
    not_confirmed(&r, "cat");
    not_left_out(&r, "ann");
}
#[test]
fn t04c_504_at_a_location_while_the_cache_behind_keeps_the_page() {
    let e = edge(&[
        E { end: 90 * S, taken: "30.000", session: "sa", id: "a1", status: "504", result: "Error", ..D },
        E { end: 96 * S, taken: "0.010", loc: "L2", session: "sb", id: "b1", ..D },
    ]);
    let o = logins() + &req(95 * S, "ann", "sa", "/mypage", 200, "a1");
    not_left_out(&run(&e, &o, &facts(60, 2)), "ann");
}
// ---- 5 the origin sees another path
#[test]
fn t05_part_of_the_routes_has_another_path_at_the_origin() {
    let e = edge(&[
        E { end: 30 * S, session: "sc", id: "c1", path: "/mypage/x", ..D },
        E { end: 60 * S, session: "sa", id: "a1", ..D },
        E { end: 60 * S + 900, taken: "0.010", session: "sb", result: "Hit", id: "b1", ..D },
    ]);
    let o = logins()
        + &req(30 * S, "cat", "sc", "/mypage/x", 200, "c1")
        + &req(60 * S, "ann", "sa", "/app/mypage", 200, "a1");
    not_left_out(&run(&e, &o, &CacheFacts::default()), "ann");
}
#[test]
fn t05b_origin_line_without_path() {
    let e = edge(&[
        E { end: 30 * S, session: "sc", id: "c1", path: "/mypage/x", ..D },
        E { end: 60 * S, session: "sa", id: "a1", ..D },
        E { end: 60 * S + 900, taken: "0.010", session: "sb", result: "Hit", id: "b1", ..D },
    ]);
    let o = logins()
        + &req(30 * S, "cat", "sc", "/mypage/x", 200, "c1")
        + &req(60 * S, "ann", "sa", "", 200, "a1");
    not_left_out(&run(&e, &o, &CacheFacts::default()), "ann");
}
#[test]
fn t06_origin_304_behind_a_miss() {
    let e = edge(&[
        E { end: 60 * S, session: "sa", id: "a1", ..D },
        E { end: 159 * S + 500, session: "sc", id: "c1", loc: "L3", ..D },
        E { end: 160 * S, session: "sb", id: "b1", loc: "L2", ..D },
    ]);
    let o = logins()
        + &req(60 * S, "ann", "sa", "/mypage", 200, "a1")
        + &req(159 * S + 500, "cat", "sc", "/mypage", 200, "c1")
        + &req(160 * S, "ben", "sb", "/mypage", 304, "b1");
    let r = run(&e, &o, &facts(1, 2));
    not_confirmed(&r, "cat");
    not_left_out(&r, "ann");
}
#[test]
fn t06b_what_a_refresh_hit_renewed_behind_is_given_elsewhere() {
    let e = edge(&[
        E { end: 60 * S, session: "sa", id: "a1", ..D },
        E { end: 159 * S, session: "sa", id: "a2", result: "RefreshHit", ..D },
        E { end: 159 * S, session: "sc", id: "c1", loc: "L3", ..D },
        E { end: 160 * S, taken: "0.030", session: "sb", id: "b1", loc: "L2", ..D },
    ]);
    let o = logins()
        + &req(60 * S, "ann", "sa", "/mypage", 200, "a1")
        + &req(159 * S, "ann", "sa", "/mypage", 304, "a2")
        + &req(159 * S, "cat", "sc", "/mypage", 200, "c1");
    let r = run(&e, &o, &facts(2, 2));
    not_confirmed(&r, "cat");
    not_left_out(&r, "ann");
}
#[test]
fn t06c_one_cache_that_logs_no_word() {
    let e = edge(&[
        E { end: 60 * S, session: "sa", id: "a1", result: "-", ..D },
        E { end: 159 * S + 500, session: "sc", id: "c1", result: "-", ..D },
        E { end: 160 * S, session: "sb", id: "b1", result: "-", ..D },
    ]);
    let o = logins()
        + &req(60 * S, "ann", "sa", "/mypage", 200, "a1")
        + &req(159 * S + 500, "cat", "sc", "/mypage", 200, "c1")
        + &req(160 * S, "ben", "sb", "/mypage", 304, "b1");
    let r = run(&e, &o, &facts(1, 1));
    not_confirmed(&r, "cat");
    not_left_out(&r, "ann");
}
// ---- 8 the viewer left before the origin answered; the cache kept it all the same
#[test]
fn t08_left_early_and_kept_later() {
    let e = edge(&[
        E {
            end: 60 * S,
            taken: "0.500",
            session: "sa",
            id: "a1",
            status: "000",
            result: "Error",
            response: "Miss",
            bytes: "0",
            ..D
        },
        E { end: 69 * S, session: "sc", id: "c1", ..D },
        E { end: 70 * S, taken: "0.005", session: "sb", id: "b1", result: "Hit", ..D },
    ]);
    // ann's page takes ten seconds: it is there at 70 s.
    let o = logins()
        + &req(69 * S + 500, "ann", "sa", "/mypage", 200, "a1")
        + &req(69 * S, "cat", "sc", "/mypage", 200, "c1");
    let r = run(&e, &o, &facts(1, 1));
    not_confirmed(&r, "cat");
    not_left_out(&r, "ann");
}
#[test]
fn t08b_left_early_single_copy() {
    let e = edge(&[
        E {
            end: 60 * S,
            taken: "0.500",
            session: "sa",
            id: "a1",
            status: "000",
            result: "Error",
            response: "Miss",
            bytes: "0",
            ..D
        },
        E { end: 63 * S, session: "sc", id: "c1", ..D },
        E { end: 70 * S, taken: "0.005", session: "sb", id: "b1", result: "Hit", ..D },
    ]);
    let o = logins()
        + &req(65 * S, "ann", "sa", "/mypage", 200, "a1")
        + &req(63 * S, "cat", "sc", "/mypage", 200, "c1");
    let r = run(&e, &o, &CacheFacts { single_copy: true, ..facts(60, 1) });
    not_confirmed(&r, "cat");
    not_left_out(&r, "ann");
}
// ---- 9 nothing reached the viewer
#[test]
fn t09_no_byte_reached_the_viewer() {
    let e = edge(&[
        E { end: 60 * S, session: "sa", id: "a1", ..D },
        E {
            end: 60 * S + 900,
            taken: "0.005",
            session: "sb",
            id: "b1",
            status: "000",
            bytes: "0",
            result: "Error",
            response: "Hit",
            ..D
        },
    ]);
    let o = logins() + &req(60 * S, "ann", "sa", "/mypage", 200, "a1");
    not_confirmed(&run(&e, &o, &facts(1, 1)), "ann");
}
// ---- 10 answers that neither cache nor origin made
#[test]
fn t10_made_by_a_function_of_the_edge() {
    let e = edge(&[
        E { end: 60 * S, session: "sa", id: "a1", ..D },
        E {
            end: 60 * S + 900,
            taken: "0.005",
            session: "sb",
            id: "b1",
            result: "FunctionGeneratedResponse",
            ..D
        },
    ]);
    let o = logins() + &req(60 * S, "ann", "sa", "/mypage", 200, "a1");
    not_confirmed(&run(&e, &o, &facts(1, 1)), "ann");
}
#[test]
fn t10b_error_page_of_the_edge_with_status_200() {
    let e = edge(&[
        E { end: 60 * S, session: "sa", id: "a1", ..D },
        E { end: 60 * S + 900, taken: "0.005", session: "sb", id: "b1", result: "Error", ..D },
    ]);
    let o = logins() + &req(60 * S, "ann", "sa", "/mypage", 200, "a1");
    not_confirmed(&run(&e, &o, &CacheFacts::default()), "ann");
}
// ---- 11 no time-taken
#[test]
fn t11_without_time_taken() {
    let cut = |text: String| {
        text.lines()
            .map(|l| {
                let mut f: Vec<&str> = l.split(if l.starts_with('#') { ' ' } else { '\t' }).collect();
                if l.starts_with("#Fields") {
                    f.remove(16);
                } else if !l.starts_with('#') {
                    f.remove(15);
                }
                f.join(if l.starts_with('#') { " " } else { "\t" }) + "\n"
            })
            .collect::<String>()
    };
    // ben began to read ann's page at 60.5 and had it at 70; cat's was made at 69.5.
    let e = cut(edge(&[
        E { end: 60 * S, session: "sa", id: "a1", ..D },
        E { end: 69 * S + 500, session: "sc", id: "c1", ..D },
        E { end: 70 * S, taken: "9.500", session: "sb", result: "Hit", id: "b1", ..D },
    ]));
    assert!(!e.contains("time-taken") && e.contains("Hit"), "{e}");
    let o = logins()
        + &req(60 * S, "ann", "sa", "/mypage", 200, "a1")
        + &req(69 * S + 500, "cat", "sc", "/mypage", 200, "c1");
    let r = run(&e, &o, &facts(1, 1));
    not_confirmed(&r, "cat");
    not_left_out(&r, "ann");
}
// ---- 12 kept before the window
#[test]
fn t12_made_just_before_the_window() {
    let e = edge(&[
        E { end: -10 * S, session: "sa", id: "a1", ..D },
        E { end: 5 * S, taken: "0.010", session: "sb", result: "Hit", id: "b1", ..D },
    ]);
    let o = logins() + &req(-10 * S, "ann", "sa", "/mypage", 200, "a1");
    not_left_out(&run(&e, &o, &facts(60, 1)), "ann");
}
#[test]
fn t13_bad_line_at_the_origin_confirms() {
    let e = edge(&[
        E { end: 60 * S, session: "sa", id: "a1", ..D },
        E { end: 60 * S + 900, session: "sb", id: "b1", ..D },
    ]);
    // ben's own page; its line at the origin is damaged.
    let o = logins()
        + &req(60 * S, "ann", "sa", "/mypage", 200, "a1")
        + "{\"time\":\"2023-10-26T02:01:00.900Z\",\"event\":\"request\",\"person\":\"ben\",\"status\":\"200\"\n";
    not_confirmed(&run(&e, &o, &CacheFacts::default()), "ann");
}
#[test]
fn t13b_bad_line_at_the_edge_leaves_out() {
    let mut e = edge(&[E { end: 60 * S, session: "sa", id: "a1", ..D }]);
    e += "2023-10-26\t02:01:0\tL1\tgarbled\n";
    let o = logins() + &req(60 * S, "ann", "sa", "/mypage", 200, "a1");
    not_left_out(&run(&e, &o, &facts(1, 1)), "ann");
}
#[test]
fn t13c_a_whole_file_that_nobody_understands_leaves_out() {
    let e = edge(&[E { end: 60 * S, session: "sa", id: "a1", ..D }]);
    let o = logins() + &req(60 * S, "ann", "sa", "/mypage", 200, "a1");
    let other = "2023-10-26 02:01:00 a log of another form\n".repeat(1000);
    not_left_out(
        &run_q(query(), &[("edge", &e), ("origin", &o), ("edge-2", &other)], &facts(1, 1), None),
        "ann",
    );
}
