//! A client of subscriptions: server-sent events, read as they come.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::Member;

/// A stream that is open.
pub struct EventStream {
    response: reqwest::Response,
    read: String,
}

/// How a request to subscribe was answered.
pub enum Answered {
    Stream(EventStream),
    Refused(u16, Value),
}

impl EventStream {
    /// What was answered to a request to subscribe.
    pub async fn of(response: reqwest::Response) -> Answered {
        let status = response.status().as_u16();
        let kind = response.headers()["content-type"].to_str().unwrap().to_owned();
        if kind.starts_with("text/event-stream") {
            assert_eq!(status, 200);
            assert!(response.headers()["cache-control"].to_str().unwrap().contains("no-store"));
            return Answered::Stream(Self { response, read: String::new() });
        }
        let body = response.text().await.unwrap();
        Answered::Refused(status, serde_json::from_str(&body).unwrap_or(Value::String(body)))
    }

    /// The next event's name and data; `None` when the service has closed the stream.
    pub async fn next(&mut self) -> Option<(String, Value)> {
        loop {
            if let Some((event, rest)) = self.read.split_once("\n\n") {
                let of = |name: &str| {
                    event.lines().find_map(|line| line.strip_prefix(name)).map(|text| text.trim().to_owned())
                };
                let (name, data) = (of("event:"), of("data:").unwrap_or_default());
                self.read = rest.to_owned();
                // A comment keeps the connection alive.
                let Some(name) = name else { continue };
                let data = if data.is_empty() { Value::Null } else { serde_json::from_str(&data).unwrap() };
                return Some((name, data));
            }
            let chunk = tokio::time::timeout(Duration::from_secs(40), self.response.chunk()).await;
            match chunk.expect("something within 40 s") {
                Ok(Some(bytes)) => self.read.push_str(std::str::from_utf8(&bytes).unwrap()),
                Ok(None) => return None,
                Err(error) => panic!("the stream broke: {error}"),
            }
        }
    }

    /// The data of the next event, which must be an answer.
    pub async fn answer(&mut self) -> Value {
        let (name, data) = self.next().await.expect("an event");
        assert_eq!(name, "next");
        data
    }
}

impl Member {
    /// Subscribes.
    pub async fn subscribe(&self, document: &str, variables: Value) -> Answered {
        let request = self.http.post(format!("{}/graphql", self.url)).bearer_auth(&self.token);
        let request = request.header("accept", "text/event-stream");
        let request = request.json(&json!({ "query": document, "variables": variables }));
        EventStream::of(request.send().await.unwrap()).await
    }

    /// The same where it must begin.
    pub async fn watch(&self, document: &str, variables: Value) -> EventStream {
        match self.subscribe(document, variables).await {
            Answered::Stream(stream) => stream,
            Answered::Refused(status, body) => panic!("{status}: {body}"),
        }
    }

    /// The first answer of a subscription, or its refusal: what a query would be answered.
    pub async fn first_event(&self, document: &str) -> Value {
        match self.subscribe(document, json!({})).await {
            Answered::Stream(mut stream) => stream.answer().await,
            Answered::Refused(_, body) => body,
        }
    }
}
