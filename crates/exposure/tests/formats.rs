//! Each format through the whole scan: found out by itself, forced, joined with the origin's log.

use std::sync::Arc;

use ::parquet::basic::Compression;
use ::parquet::data_type::{ByteArray, ByteArrayType, Int32Type, Int64Type};
use ::parquet::file::properties::WriterProperties;
use ::parquet::file::writer::SerializedFileWriter;
use ::parquet::schema::parser::parse_message_type;
use bytes::Bytes;
use exposure::{
    Basis, CacheFacts, Dialect, Exposure, Format, Known, Limits, Mapping, Scan, Template, WindowQuery,
};
use parquet::basic::{GzipLevel, ZstdLevel};

fn query() -> WindowQuery {
    WindowQuery {
        from: "2023-10-26T02:00:00Z".parse().unwrap(),
        to: "2023-10-26T02:59:59Z".parse().unwrap(),
        margin_before_seconds: 0,
        margin_after_seconds: 0,
        basis: Basis::LoginsAndPersonalRequests,
        include_failed_logins: true,
        personal_routes: vec!["/mypage/**".into()],
        session_cookie: Some("session".into()),
        limits: Limits::default(),
    }
}

fn scan() -> Scan {
    Scan::new(query()).unwrap()
}

/// Two answers: one that the origin made for `p-1`, and 250 ms later one from a cache for `p-2`.
const ORIGIN: &str = r#"{"time":"2023-10-26T02:00:00Z","event":"login","person":"p-1","session":"s1"}
{"time":"2023-10-26T02:00:00Z","event":"login","person":"p-2","session":"s2"}
{"time":"2023-10-26T02:03:04.100Z","event":"request","person":"p-1","session":"s1","path":"/mypage","status":200,"edge_request_id":"ID1"}
"#;

/// Reads both logs and says who was exposed, and to whom.
fn exposed(mut scan: Scan, edge: &[u8], ids: (&str, &str)) -> (Format, String) {
    let report = scan.read("edge", edge);
    assert_eq!((report.used, report.bad.count), (2, 0), "{report:?}");
    let origin = ORIGIN.replace("ID1", ids.0);
    assert_eq!(scan.read("origin", origin.as_bytes()).format, Some(Format::OriginJsonLines));
    (report.format.unwrap(), classes(scan))
}

fn classes(scan: Scan) -> String {
    let facts = CacheFacts { time_to_live_seconds: 1, tiers: 1, ..CacheFacts::default() };
    let (_, found) = scan.reconstruct(&facts).unwrap();
    let mut people: Vec<String> = found
        .people
        .iter()
        .map(|person| {
            let seen: Vec<&str> =
                person.tenants.iter().flat_map(|one| &one.seen_by).map(String::as_str).collect();
            let word = match person.exposure {
                Exposure::Confirmed => "confirmed",
                Exposure::Possible => "possible",
                Exposure::Indeterminate => "indeterminate",
                Exposure::SelfOnly => "self_only",
                Exposure::Excluded => "excluded",
            };
            format!("{} {word} [{}]", person.person, seen.join(" "))
        })
        .collect();
    people.sort();
    people.join(", ")
}

const FOUND: &str = "p-1 confirmed [p-2], p-2 excluded []";

#[test]
fn cloudfront_version_2_as_json() {
    let line = |ms: &str, session: &str, id: &str, result: &str| {
        format!(
            r#"{{"timestamp(ms)":"16982857841{ms}","DistributionId":"E2K","cs-method":"GET","x-host-header":"www.example.jp","cs-uri-stem":"/mypage","sc-status":"200","cs(Cookie)":"session={session}","x-edge-result-type":"{result}","x-edge-request-id":"{id}","time-taken":"0.010","x-edge-location":"NRT57-C4","sc-content-len":"5120"}}"#
        )
    };
    let edge = format!("{}\n{}\n", line("10", "s1", "Zj1==", "Miss"), line("60", "s2", "Zj2==", "Hit"));
    assert_eq!(exposed(scan(), edge.as_bytes(), ("Zj1==", "Zj2==")), (Format::CloudfrontJson, FOUND.into()));
    let packed = zstd::encode_all(edge.as_bytes(), 3).unwrap();
    assert_eq!(exposed(scan(), &packed, ("Zj1==", "Zj2==")), (Format::CloudfrontJson, FOUND.into()));
    // A file of several frames that breaks off: everything before the break.
    let mut two = packed.clone();
    two.extend(&packed[..packed.len() - 8]);
    let report = scan().read("cut", &two[..]);
    assert_eq!((report.used, report.truncated.unwrap().cause.as_str()), (2, "unexpected_end"));
    assert!(report.compressed);
}

#[test]
fn cloudfront_version_2_in_columns_with_names() {
    let rows = "1698285784110|/mypage|200|session=s1|Zj1==|Miss|0.010|NRT57-C4|GET|www.example.jp|5120
1698285784160|/mypage|200|session=s2|Zj2==|Hit|0.010|NRT57-C4|GET|www.example.jp|5120
";
    let names = "timestamp(ms)|cs-uri-stem|sc-status|cs(Cookie)|x-edge-request-id|x-edge-result-type|time-taken|x-edge-location|cs-method|x-host-header|sc-content-len";
    let ids = ("Zj1==", "Zj2==");
    // Plain, with a first line of names.
    let plain = format!("{names}\n{rows}");
    assert_eq!(exposed(scan(), plain.as_bytes(), ids), (Format::CloudfrontStandard, FOUND.into()));
    // w3c, with tabs.
    let w3c = format!("#Version: 1.0\n#Fields: {}\n{}", names.replace('|', " "), rows.replace('|', "\t"));
    assert_eq!(exposed(scan(), w3c.as_bytes(), ids), (Format::CloudfrontStandard, FOUND.into()));
    // Real-time, with chosen fields and no names.
    let realtime = rows.replace('|', "\t");
    let named = scan().with_fields(&names.replace('|', " ")).unwrap();
    assert_eq!(exposed(named, realtime.as_bytes(), ids), (Format::CloudfrontRealtime, FOUND.into()));
    // Without the names it is nothing, and says so.
    let report = scan().read("unnamed", realtime.as_bytes());
    assert_eq!((report.format, report.used, report.bad.count), (None, 0, 2));
    assert_eq!(
        report.bad.samples[0].reason.to_string(),
        "of no known form; say which it is, with its template or its fields"
    );
    assert!(scan().with_fields("timestamp c-ip").is_err());
}

#[test]
fn the_whole_real_time_log_is_known_by_its_fields() {
    let row = |time: &str, session: &str, id: &str, result: &str| {
        let mut values = vec!["-"; 43];
        let cookie = format!("session={session}");
        for (at, value) in [
            (0, time),
            (1, "192.0.2.1"),
            (3, "200"),
            (5, "GET"),
            (8, "/mypage"),
            (10, "NRT57-C4"),
            (11, id),
            (12, "www.example.jp"),
            (13, "0.010"),
            (18, &cookie),
            (24, result),
            (28, "5120"),
        ] {
            values[at] = value;
        }
        values.join("\t") + "\n"
    };
    let edge = row("1698285784.110", "s1", "Zj1==", "Miss") + &row("1698285784.160", "s2", "Zj2==", "Hit");
    assert_eq!(
        exposed(scan(), edge.as_bytes(), ("Zj1==", "Zj2==")),
        (Format::CloudfrontRealtime, FOUND.into())
    );
}

#[test]
fn cloudflare_whose_origin_logs_the_location_behind_the_ray() {
    let line = |nanos: &str, session: &str, ray: &str, cache: &str| {
        format!(
            r#"{{"CacheCacheStatus":"{cache}","ClientIP":"192.0.2.1","ClientRequestHost":"www.example.jp","ClientRequestMethod":"GET","ClientRequestURI":"/mypage","Cookies":{{"session":"{session}"}},"EdgeColoCode":"NRT","EdgeStartTimestamp":16982857841{nanos}000000,"EdgeEndTimestamp":16982857841{nanos}900000,"EdgeResponseStatus":200,"RayID":"{ray}"}}"#
        )
    };
    let edge = format!(
        "{}\n{}\n",
        line("10", "s1", "8a1b2c3d4e5f6701", "miss"),
        line("60", "s2", "8a1b2c3d4e5f6702", "hit")
    );
    let ids = ("8a1b2c3d4e5f6701-NRT", "");
    assert_eq!(exposed(scan(), edge.as_bytes(), ids), (Format::Cloudflare, FOUND.into()));
}

#[test]
fn fastly_and_others_by_names() {
    let line = |ms: &str, session: &str, id: &str, state: &str, at_edge: bool| {
        format!(
            r#"{{"time_start":"2023-10-26T02:03:04.{ms}Z","time_elapsed_usec":500,"client_ip":"192.0.2.1","host":"www.example.jp","url":"/mypage","request_method":"GET","request_cookie":"session={session}","request_id":"{id}","response_state":"{state}","response_status":200,"fastly_server":"cache-nrt-rjtf7700032-NRT","fastly_is_edge":{at_edge}}}"#
        )
    };
    let edge =
        format!("{}\n{}\n", line("110", "s1", "r1", "MISS", true), line("160", "s2", "r2", "HIT", true));
    assert_eq!(exposed(scan(), edge.as_bytes(), ("r1", "r2")), (Format::Fastly, FOUND.into()));
    // The shield's line of the first request is no second answer.
    let shield = line("105", "s1", "r9", "MISS", false);
    let mut shielded = scan();
    shielded.read("edge", edge.as_bytes());
    let report = shielded.read("shield", shield.as_bytes());
    assert_eq!((report.used, report.format), (1, Some(Format::Fastly)));
    shielded.read("origin", ORIGIN.replace("ID1", "r1").as_bytes());
    assert_eq!(classes(shielded), FOUND);

    let mapping =
        Mapping::parse(["end=t", "duration_ms=d", "url=u", "id=rid", "session=sid", "cache=c", "method=m"])
            .unwrap();
    let own = r#"{"t":1698285784.110,"d":5,"u":"/mypage","rid":"r1","sid":"s1","c":"MISS","status":200,"m":"GET"}
{"t":1698285784.160,"d":5,"u":"/mypage","rid":"r2","sid":"s2","c":"HIT","status":200,"m":"GET"}
"#;
    let mapped = scan().with_json(mapping);
    assert_eq!(exposed(mapped, own.as_bytes(), ("r1", "r2")), (Format::Json, FOUND.into()));
    assert_eq!(scan().read("unmapped", own.as_bytes()).format, None);
}

#[test]
fn a_balancer_before_a_cache() {
    let line = |start: &str, end: &str, trace: &str| {
        format!(
            r#"https 2023-10-26T02:03:04.{end}000Z app/school/50dc 192.0.2.1:2817 10.0.0.1:80 0.000 0.001 0.000 200 200 0 57 "GET https://www.example.jp:443/mypage HTTP/1.1" "B" C T arn:x "Root=1-67891233-{trace}" "www.example.jp" "arn:y" 0 2023-10-26T02:03:04.{start}000Z "forward" "-" "-" "10.0.0.1:80" "200" "-" "-""#
        )
    };
    let edge = format!("{}\n{}\n", line("095", "105", "aa"), line("155", "160", "bb"));
    // No cookies: whose page it was is known, who got it is not.
    assert_eq!(
        exposed(scan(), edge.as_bytes(), ("Self=1-67891234-00;Root=1-67891233-aa", "")),
        (Format::Alb, "p-1 possible [], p-2 excluded []".into())
    );
}

const GUARD: &str = r#"{"event":"start","form":1,"time":1698285600000,"run":"8f0c","part":1,"system":"school","sealed":[["cache-control","private"]]}
{"event":"response","run":"8f0c","seq":1,"time":1698285784100,"took":1,"response":"00","edge":"Zj1==","edge_from":"trusted","route":"mypage","class":"personal","tenant":"k1.t","subject":"k1.a","session":"k1.s","status":200,"cache":"sealed","bytes":5120,"complete":true,"rules":"1"}
{"event":"response","run":"8f0c","seq":2,"time":1698285790000,"took":1,"response":"01","edge":"Zj3==","edge_from":"trusted","route":"mypage","class":"personal","tenant":"k1.t","subject":"k1.b","session":"k1.r","status":200,"cache":"sealed","bytes":5120,"complete":true,"rules":"1"}
"#;
const GUARDED: &str = "#Fields: timestamp(ms) cs-uri-stem sc-status cs(Cookie) x-edge-request-id x-edge-result-type time-taken cs-method
1698285784110\t/mypage\t200\tsession=s1\tZj1==\tMiss\t0.010\tGET
1698285784160\t/mypage\t200\tsession=s2\tZj2==\tHit\t0.010\tGET
1698285790010\t/mypage/a\t200\tsession=s2\tZj3==\tMiss\t0.010\tGET
";

#[test]
fn the_guard_as_the_origin() {
    let with = |guard: &str, prepare: fn(Scan) -> Scan| {
        let mut scan = prepare(scan());
        let report = scan.read("guard", guard.as_bytes());
        assert_eq!((report.format, report.bad.count), (Some(Format::Guard), 0), "{report:?}");
        scan.read("edge", GUARDED.as_bytes());
        (report, scan)
    };
    // Nobody signed in where the edge could see it: whose session it is the joined requests tell.
    let (report, scan) = with(GUARD, |scan| scan);
    assert_eq!((report.lines, report.lost), (2, 0));
    assert_eq!(classes(scan), "k1.a confirmed [k1.b], k1.b excluded []");
    let known = |scan: Scan| {
        let of = |person: &str| Known {
            person: person.to_owned(),
            kind: "applicant".to_owned(),
            ..Known::default()
        };
        scan.with_people([("k1.a".to_owned(), of("ap-1")), ("k1.b".to_owned(), of("ap-2"))])
    };
    assert_eq!(classes(with(GUARD, known).1), "ap-1 confirmed [ap-2], ap-2 excluded []");
    // Another route than those that were asked for: nobody is learned of it.
    let elsewhere = |scan: Scan| scan.with_routes([("mypage".to_owned(), "/elsewhere".to_owned())]);
    let (_, scan) = with(GUARD, elsewhere);
    assert_eq!(scan.finish().unattributed.edge_with_unknown_session, 3);
    // The same route, however the manifest writes it.
    let written: [fn(Scan) -> Scan; 3] = [
        |scan| scan.with_routes([("mypage".to_owned(), "/mypage/**".to_owned())]),
        |scan| scan.with_routes([("mypage".to_owned(), "/mypage".to_owned())]),
        |scan| scan.with_routes([("mypage".to_owned(), "/*/**".to_owned())]),
    ];
    for here in written {
        assert_eq!(classes(with(GUARD, here).1), "k1.a confirmed [k1.b], k1.b excluded []");
    }
    // An id that anybody may have said joins nothing, and then nothing is certain.
    let untrusted = GUARD.replace("trusted", "anybody");
    assert!(!classes(with(&untrusted, |scan| scan).1).contains("confirmed"));
    // Lost records: whatever has no line at the origin may have had one.
    let lost =
        GUARD.to_owned() + "{\"event\":\"lost\",\"run\":\"8f0c\",\"time\":1698285791000,\"records\":3}\n";
    let (report, scan) = with(&lost, |scan| scan);
    assert_eq!(report.lost, 3);
    let result = scan.clone().finish();
    assert!(!result.coverage.complete);
    let facts = CacheFacts { time_to_live_seconds: 1, tiers: 1, ..CacheFacts::default() };
    assert!(!scan.reconstruct(&facts).unwrap().1.cache.origin_log_complete);
}

/// A line of the guard without a line at the edge: the edge lost it, and what it made may be in the cache, whatever its path.
#[test]
fn a_line_of_the_guard_without_a_path_is_a_candidate_for_every_path() {
    let mut scan = scan();
    scan.read("guard", GUARD.as_bytes());
    let edge: String =
        GUARDED.lines().filter(|line| !line.contains("Zj1==")).map(|line| line.to_owned() + "\n").collect();
    scan.read("edge", edge.as_bytes());
    // Half of the hour's lines are lost, so that nobody can be left out.
    assert_eq!(classes(scan), "k1.a confirmed [k1.b], k1.b indeterminate []");
}

fn parquet_of(compression: Compression) -> Bytes {
    let schema = "message log {
        OPTIONAL INT32 date (DATE); OPTIONAL BYTE_ARRAY time (STRING); OPTIONAL BYTE_ARRAY x_edge_location (STRING);
        OPTIONAL BYTE_ARRAY cs_method (STRING); OPTIONAL BYTE_ARRAY cs_uri_stem (STRING); OPTIONAL INT64 sc_status;
        OPTIONAL BYTE_ARRAY cs_cookie (STRING); OPTIONAL BYTE_ARRAY x_edge_result_type (STRING);
        OPTIONAL BYTE_ARRAY x_edge_request_id (STRING); OPTIONAL BYTE_ARRAY time_taken (STRING);
        REQUIRED BYTE_ARRAY other (STRING); OPTIONAL INT64 timestamp_ms; }";
    let properties = WriterProperties::builder().set_compression(compression).build();
    let mut out = Vec::new();
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let mut writer = SerializedFileWriter::new(&mut out, schema, Arc::new(properties)).unwrap();
    let rows = [("s1", "Zj1==", "Miss", 110), ("s2", "Zj2==", "Hit", 160)];
    // A group for each row, so that there are several.
    for (session, id, result, ms) in rows {
        let mut group = writer.next_row_group().unwrap();
        let texts = [
            None,
            Some(None),
            Some(Some("NRT57-C4".to_owned())),
            Some(Some("GET".to_owned())),
            Some(Some("/mypage".to_owned())),
            None,
            Some(Some(format!("session={session}"))),
            Some(Some(result.to_owned())),
            Some(Some(id.to_owned())),
            Some(Some("0.010".to_owned())),
            Some(Some("x".to_owned())),
            None,
        ];
        for (index, text) in texts.into_iter().enumerate() {
            let mut column = group.next_column().unwrap().unwrap();
            match (text, index) {
                (None, 0) => {
                    _ = column.typed::<Int32Type>().write_batch(&[19_656], Some(&[1]), None).unwrap()
                }
                (None, 5) => _ = column.typed::<Int64Type>().write_batch(&[200], Some(&[1]), None).unwrap(),
                (None, _) => {
                    let at = 1_698_285_784_000 + ms;
                    column.typed::<Int64Type>().write_batch(&[at], Some(&[1]), None).unwrap();
                }
                (Some(None), _) => {
                    _ = column.typed::<ByteArrayType>().write_batch(&[], Some(&[0]), None).unwrap()
                }
                (Some(Some(text)), _) => {
                    let values = [ByteArray::from(text.into_bytes())];
                    let levels = if index == 10 { None } else { Some(&[1_i16][..]) };
                    column.typed::<ByteArrayType>().write_batch(&values, levels, None).unwrap();
                }
            }
            column.close().unwrap();
        }
        group.close().unwrap();
    }
    writer.close().unwrap();
    out.into()
}

#[test]
fn cloudfront_version_2_as_parquet() {
    for compression in [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::GZIP(GzipLevel::default()),
        Compression::ZSTD(ZstdLevel::default()),
        Compression::LZ4_RAW,
    ] {
        let mut scan = scan();
        let file = parquet_of(compression);
        let report = scan.read_parquet("edge", None, file.clone());
        assert_eq!((report.used, report.bad.count), (2, 0), "{report:?}");
        assert_eq!((report.format, report.bytes), (Some(Format::CloudfrontParquet), file.len() as u64));
        scan.read("origin", ORIGIN.replace("ID1", "Zj1==").as_bytes());
        assert_eq!(classes(scan), FOUND);
    }
}

#[test]
fn parquet_that_is_damaged_or_a_stream_is_said() {
    let file = parquet_of(Compression::SNAPPY);
    let report = scan().read("stream", &file[..]);
    assert_eq!((report.format, report.used, report.bad.count), (Some(Format::CloudfrontParquet), 0, 1));
    assert_eq!(report.bad.samples[0].reason.to_string(), "Parquet, which can only be read as a whole file");

    let report = scan().read_parquet("cut", None, file.slice(..file.len() / 2));
    assert_eq!((report.used, report.truncated.unwrap().cause.as_str()), (0, "damaged"));

    // One group of rows: the other is used.
    let mut damaged = file.to_vec();
    damaged[4..60].fill(0xff);
    let mut scan = scan();
    let report = scan.read_parquet("damaged", None, Bytes::from(damaged));
    assert_eq!((report.lines, report.used, report.bad.count), (2, 1, 1), "{report:?}");
    assert_eq!(report.bad.samples[0].line, 1);
    assert_eq!(report.truncated.unwrap().at_line, 1);
}

#[test]
fn names_force_and_what_is_forced_is_read_so() {
    for (name, format) in Format::NAMES {
        assert_eq!((Format::parse(name), format.name()), (Ok(format), name));
    }
    let error = Format::parse("x").unwrap_err().to_string();
    assert!(error.starts_with("no such format; one of cloudfront, cloudfront-json,"), "{error}");
    // Squid's fields without a word that tells them from Traffic Server's.
    let line = b"1698285784.123 5000 192.0.2.1 TCP_HIT/200 419 GET http://www.example.jp/mypage - PARENT_HIT/192.0.2.9 text/html\n";
    assert_eq!(scan().read("either", &line[..]).format, None);
    let first = |format| scan().read_as("forced", Some(format), &line[..]).last.unwrap().to_string();
    assert_eq!(first(Format::Squid), "2023-10-26T02:03:04.124Z");
    assert_eq!(first(Format::Trafficserver), "2023-10-26T02:03:09.124Z");
    // A template that nobody gave.
    let report = scan().read_as("forced", Some(Format::Template), &line[..]);
    assert_eq!((report.used, report.bad.count), (0, 1));
}

#[test]
fn a_template_and_other_logs_are_told_apart() {
    let form = r#"$msec|$request_time|$request_id|$upstream_cache_status|"$request"|$status|"$http_cookie""#;
    let template = Template::parse(form, Dialect::Nginx).unwrap();
    let mut scan = scan().with_template(template);
    let own = b"1698285784.123|0.010|r1|HIT|\"GET /mypage HTTP/1.1\"|200|\"session=s1\"\n";
    assert_eq!(scan.read("own", &own[..]).format, Some(Format::Template));
    assert_eq!(scan.read("origin", ORIGIN.as_bytes()).format, Some(Format::OriginJsonLines));
    assert_eq!(scan.read("guard", GUARD.as_bytes()).format, Some(Format::Guard));
    assert_eq!(scan.read("edge", GUARDED.as_bytes()).format, Some(Format::CloudfrontStandard));
    assert_eq!(scan.read("rubbish", &b"rubbish\n"[..]).format, Some(Format::Template));
}

/// Columns of which none is known say nothing, and that is no sound log.
#[test]
fn parquet_that_says_nothing_is_told_of() {
    let path = format!("{}/tests/real/arrow-26.0.1-none-v2.parquet", env!("CARGO_MANIFEST_DIR"));
    let open = || std::fs::File::open(&path).unwrap();
    let report = scan().read_parquet("log", Some(Format::CloudfrontStandard), open());
    assert!(report.used == 0 && report.bad.count > 0, "{report:?}");
    let query = WindowQuery { limits: Limits { max_line_bytes: 40, ..Limits::default() }, ..query() };
    let report = Scan::new(query).unwrap().read_parquet("log", None, open());
    assert!(report.oversized > 0 && report.used == 0, "{report:?}");
}

/// What a balancer wrote of an hour does not stand for what the edge before it lost.
#[test]
fn a_log_beside_the_edge_s_fills_none_of_its_hours() {
    let balancer = r#"https 2023-10-26T02:03:04.105000Z app/school/50dc 192.0.2.1:2817 10.0.0.1:80 0.000 0.001 0.000 200 200 0 57 "GET https://www.example.jp:443/mypage HTTP/1.1" "B" C T arn:x "-" "www.example.jp" "arn:y" 0 2023-10-26T02:03:04.095000Z "forward" "-" "-" "10.0.0.1:80" "200" "-" "-"
"#;
    let gaps = |edge: Option<&str>| {
        let mut scan = scan();
        assert_eq!(scan.read("balancer", balancer.as_bytes()).format, Some(Format::Alb));
        if let Some(edge) = edge {
            assert_eq!(scan.read("edge", edge.as_bytes()).bad.count, 0);
        }
        scan.read("origin", ORIGIN.as_bytes());
        scan.finish().coverage.gaps.len()
    };
    // Alone it is the edge's; beside one whose file of the hour is not there, that is missing.
    assert_eq!(gaps(None), 0);
    let other_hour = "#Fields: date time cs-uri-stem sc-status\n2023-10-26\t04:03:04\t/\t200\n";
    assert_eq!(gaps(Some(other_hour)), 1);
}
