import Foundation
import Moldau
import MoldauRecords
import Testing

@testable import MoldauConsole

/// The console of a running application, over its socket.
struct ConsoleTests {
    // MARK: Health

    @Test func `an application is live before it runs, and ready while it runs`() async throws {
        try await ConsoleFixture.run(starts: false) { fixture in
            #expect(try await fixture.http.send("/live").status == 200)
            let before = try await fixture.get("/ready", of: "/ready", status: 503)
            #expect(before["ready"] == false && before["state"] == "created")
            #expect(before["reason"] == "the application is created")
            let status = try await fixture.get("/status", of: "/status")
            #expect(status["state"] == "created" && status["threads"] == [] && status["startedAt"] == nil)
            let app = fixture.app
            try await onThread { try app.start() }
            _ = try await fixture.get("/status", of: "/status", until: "state", is: "running")
            #expect(try await fixture.get("/ready", of: "/ready")["ready"] == true)
            try await onThread { try app.stop() }
            #expect(try await fixture.get("/ready", of: "/ready", status: 503)["state"] == "notRunning")
        }
    }

    // MARK: Structure

    @Test func `the topology is reported with its stores and topics as they are on the cluster`() async throws {
        try await ConsoleFixture.run { fixture in
            let topology = try await fixture.get("/topology", of: "/topology")
            #expect(topology["application"] == "app")
            #expect(topology["text"]?.text?.hasPrefix("Topologies:\n") == true)
            let stores = Dictionary(uniqueKeysWithValues: topology["stores"]!.list.map { ($0["name"]!.text!, $0) })
            #expect(stores["counts"]?["kind"] == "table" && stores["counts"]?["changelog"] == "app-counts-changelog")
            #expect(stores["counts"]?["keyFormat"] == "utf8" && stores["counts"]?["valueFormat"] == "int64")
            #expect(stores["hourly"]?["kind"] == "window" && stores["hourly"]?["windowMs"] == 10_000)
            #expect(stores["sessions"]?["kind"] == "session" && stores["history"]?["kind"] == "versioned")
            #expect(stores["history"]?["retentionMs"] == 3_600_000)
            #expect(stores["names"]?["isGlobal"] == true && stores["names"]?["changelog"] == "currencies")
            let suppressed = stores.values.first { $0["kind"] == "suppress" }
            #expect(suppressed?["isQueryable"] == false && stores["counts"]?["isQueryable"] == true)
            let topics = Dictionary(uniqueKeysWithValues: topology["topics"]!.list.map { ($0["name"]!.text!, $0) })
            #expect(topics["visits"]?["role"] == "input" && topics["visits"]?["partitions"] == 2)
            #expect(topics["totals"]?["role"] == "output" && topics["currencies"]?["role"] == "global")
            #expect(topics["app-counts-changelog"]?["role"] == "changelog")
            #expect(topics.values.contains { $0["role"] == "repartition" && $0["name"]!.text!.hasPrefix("app-") })
            let nodes = topology["subtopologies"]!.list.flatMap { $0["nodes"]!.list }
            let names = Set(nodes.map { $0["name"] })
            #expect(nodes.flatMap { $0["successors"]!.list }.allSatisfy(names.contains))
            #expect(nodes.contains { $0["role"] == "sink" && $0["topics"] == ["totals"] })
            #expect(try await fixture.get("/stores/counts", of: "/stores/{store}") == stores["counts"])
            #expect(try await fixture.get("/stores", of: "/stores")["stores"] == topology["stores"])
        }
    }

    @Test func `positions, threads and events are reported`() async throws {
        try await ConsoleFixture.run { fixture in
            for number in 0..<10 { try fixture.write(ConsoleFixture.visits, "k\(number)", "x", at: 1) }
            _ = try await fixture.get("/stores/counts/get?key=k9", of: "/stores/{store}/get", until: "found", is: true)
            let status = try await fixture.get("/status", of: "/status", until: "state", is: "running")
            #expect(status["guarantee"] == "atLeastOnce" && status["isPaused"] == false)
            let inputs = status["tasks"]!.list.flatMap { $0["partitions"]!.list }.filter { $0["topic"] == "visits" }
            #expect(inputs.count == 2 && inputs.allSatisfy { $0["lag"] == 0 && $0["lagMs"] == 0 })
            #expect(inputs.reduce(0) { $0 + ($1["position"]?.integer ?? 0) } == 10)
            #expect(status["threads"]?[0]?["isAlive"] == true)
            let events = try await fixture.get("/events", of: "/events")["events"]!.list
            #expect(
                events.contains {
                    $0["kind"] == "state" && $0["text"] == "the application is running; it was rebalancing"
                })
            #expect(events.contains { $0["kind"] == "commit" } && events.contains { $0["kind"] == "rebalance" })
            #expect(events.map { $0["time"]!.integer! } == events.map { $0["time"]!.integer! }.sorted())
        }
    }

    // MARK: Queries

    @Test func `rows are read by keys of any type, and shown as JSON`() async throws {
        try await ConsoleFixture.run { fixture in
            try fixture.write(ConsoleFixture.visits, "ada", "x", at: 7)
            try fixture.write(ConsoleFixture.orders, 42, Order(customer: "ada", cents: 5), at: 8)
            try fixture.write(ConsoleFixture.currencies, "EUR", "Euro", at: 9)
            try fixture.write(ConsoleFixture.blobs, [0xFF, 0], [0xFE], at: 10)
            try fixture.write(ConsoleFixture.places, Place(city: "Prag"), -3, at: 11)
            let cases: [(String, String, key: JSON, value: JSON, time: JSON?)] = [
                ("counts", "ada", "ada", 1, 7), ("orders-table", "42", 42, ["customer": "ada", "cents": 5], 8),
                ("names", "EUR", "EUR", "Euro", 9),
                ("blobs-table", "{\"hex\":\"ff00\"}", ["hex": "ff00"], ["hex": "fe"], 10),
                ("places-table", "{\"city\": \"Prag\"}", ["city": "Prag"], -3, 11),
            ]
            for (store, key, shown, value, time) in cases {
                let target = "/stores/\(store)/get?key=\(encoded(key))"
                let row = try await fixture.get(target, of: "/stores/{store}/get", until: "found", is: true)
                #expect(row["key"] == shown && row["value"] == value && row["timestamp"] == time, "\(store)")
                #expect(row["lag"] == [])
                #expect(row["position"]!.list.count == 1)
            }
            let none = try await fixture.get("/stores/counts/get?key=nobody", of: "/stores/{store}/get")
            #expect(none["found"] == false && none["key"] == "nobody" && none["value"] == nil as JSON)
            let bytes = try await fixture.get(
                "/stores/orders-table/get?key=\(encoded("{\"hex\":\"000000000000002a\"}"))", of: "/stores/{store}/get")
            #expect(bytes["value"] == ["customer": "ada", "cents": 5])
        }
    }

    @Test func `entries are listed in pages, forwards, backwards and by prefix`() async throws {
        try await ConsoleFixture.run { fixture in
            let keys = (100..<350).map { "k\($0)" }
            for key in keys { try fixture.write(ConsoleFixture.visits, key, "x", at: 1) }
            _ = try await fixture.get(
                "/stores/counts/get?key=k349", of: "/stores/{store}/get", until: "found", is: true)
            for reverse in [false, true] {
                var (found, after, pages) = ([String](), "", 0)
                repeat {
                    let page = try await fixture.get(
                        "/stores/counts/range?limit=100&reverse=\(reverse)\(after)", of: "/stores/{store}/range")
                    found += page["entries"]!.list.compactMap { $0["key"]?.text }
                    after = page["next"]!.text.map { "&after=\($0)" } ?? ""
                    pages += 1
                } while !after.isEmpty
                #expect(found == (reverse ? keys.reversed() : keys) && pages == 3)
            }
            let some = try await fixture.get("/stores/counts/range?from=k120&to=k122", of: "/stores/{store}/range")
            #expect(
                some["entries"] == ["k120", "k121", "k122"].asEntries(value: 1, at: 1) && some["next"] == nil as JSON)
            let prefix = try await fixture.get("/stores/counts/prefix?prefix=k12", of: "/stores/{store}/prefix")
            #expect(prefix["entries"]?.list.count == 10)
            let one = try await fixture.get("/stores/counts/range?limit=1000&partition=1", of: "/stores/{store}/range")
            #expect((1..<250).contains(one["entries"]!.list.count))
        }
    }

    @Test func `windows, sessions and versions are read by timestamp`() async throws {
        try await ConsoleFixture.run { fixture in
            for time in [0, 1, 12_000, 25_000] as [Int64] {
                try fixture.write(ConsoleFixture.visits, "ada", "x", at: time)
            }
            try fixture.write(ConsoleFixture.prices, "tea", "5", at: 1_000)
            try fixture.write(ConsoleFixture.prices, "tea", "6", at: 2_000)
            let (windows, sessions) = ("/stores/{store}/windows", "/stores/{store}/sessions")
            let newest: JSON = ["key": "ada", "start": 20_000, "end": 30_000, "value": 1, "timestamp": 25_000]
            _ = try await fixture.get(
                "/stores/hourly/windows?key=ada&reverse=true&limit=1", of: windows, until: "entries", is: [newest])
            let early = try await fixture.get("/stores/hourly/windows?from=0&to=10000", of: windows)
            #expect(early["entries"]?.list.map { $0["value"] } == [2, 1])
            let first = try await fixture.get("/stores/hourly/get?key=ada&at=0", of: "/stores/{store}/get")
            #expect(first["value"] == 2 && first["start"] == 0 && first["end"] == 10_000)
            let found = try await fixture.get("/stores/sessions/sessions?key=ada", of: sessions)
            #expect(found["entries"]?.list.map { $0["end"] } == [1, 12_000, 25_000])
            #expect(
                try await fixture.get("/stores/sessions/sessions?from=20000", of: sessions)["entries"]?.list.count == 1)
            let one = try await fixture.get(
                "/stores/sessions/get?key=ada&start=0&end=1", of: "/stores/{store}/get")
            #expect(one["value"] == 2)
            let then = try await fixture.get("/stores/history/get?key=tea&at=1500", of: "/stores/{store}/get")
            #expect(then["value"] == "5" && then["timestamp"] == 1_000 && then["validTo"] == 2_000)
            #expect(try await fixture.get("/stores/history/get?key=tea", of: "/stores/{store}/get")["value"] == "6")
        }
    }

    @Test func `a query waits for an offset, and one of a topic that is not an input is rejected`() async throws {
        try await ConsoleFixture.run { fixture in
            try fixture.write(ConsoleFixture.prices, "tea", "5", at: 1_000)
            let path = "/stores/{store}/get"
            let answer = try await fixture.get("/stores/history/get?key=tea&atLeast=prices:0:1&view=newest", of: path)
            #expect(answer["value"] == "5")
            #expect(answer["position"]?[0] == ["topic": "prices", "partition": 0, "offset": 1])
            let wrong = try await fixture.get("/stores/history/get?key=tea&atLeast=visits:0:1", of: path, status: 400)
            #expect(wrong["kind"] == "notAnInput")
        }
    }

    @Test func `explain reports why there is no result`() async throws {
        try await ConsoleFixture.run { fixture in
            _ = try await fixture.get("/status", of: "/status", until: "state", is: "running")
            let all = try await fixture.get("/explain", of: "/explain")
            let empty = all["reasons"]?.list.first { $0["kind"] == "topicEmpty" }
            #expect(empty?["page"] == "Docs/Explain.md#topicempty")
            let key = try await fixture.get("/explain?store=counts&key=ada", of: "/explain")
            #expect(
                key["hasValue"] == false && key["isHere"] == true && key["reasons"]?[0]?["kind"] == "keyNeverWritten")
            let held = try await fixture.get("/explain?key=ada", of: "/explain", status: 400)
            #expect(held["kind"] == "badParameter")
        }
    }

    // MARK: Topics

    @Test func `records of topics can be read by offset and by key`() async throws {
        try await ConsoleFixture.run { fixture in
            for number in 0..<30 {
                try fixture.write(ConsoleFixture.prices, "p\(number % 3)", "\(number)", at: Int64(number))
            }
            let path = "/topics/{topic}/records"
            let last = try await fixture.get("/topics/prices/records?limit=2", of: path)
            #expect(last["records"]?.list.map { $0["value"] } == ["28", "29"])
            #expect(last["begin"] == 0 && last["end"] == 30 && last["next"] == 30)
            let first = try await fixture.get("/topics/prices/records?offset=earliest&limit=2", of: path)
            #expect(first["records"]?.list.map { $0["offset"] } == [0, 1] && first["next"] == 2)
            let some = try await fixture.get("/topics/prices/records?offset=2&key=p1&limit=2", of: path)
            #expect(some["records"]?.list.map { $0["value"] } == ["4", "7"])
            let behind = try await fixture.get("/topics/prices/records?offset=999", of: path)
            #expect(behind["records"] == [] && behind["next"] == 30)
            let topics = try await fixture.get("/topics", of: "/topics")
            #expect(topics["topics"]?.list.contains { $0["name"] == "prices" } == true)
            let other = try await fixture.get("/topics/secret/records", of: path, status: 404)
            #expect(other["kind"] == "unknownTopic")
        }
    }

    // MARK: Events

    @Test func `updates are sent repeatedly, and end with the console`() async throws {
        try await ConsoleFixture.run { fixture in
            let events = try await fixture.http.events("/updates", count: 2)
            #expect(events.map(\.name) == ["update", "update"])
            for event in events {
                #expect(try fixture.schema.complaints(event: event.name, event.data, path: "/updates").isEmpty)
            }
            let nodes = try JSON(events[1].data)["nodes"]!.list
            #expect(nodes.contains { $0["drops"] == 0 && $0["in"] == 0 })
            // The fixture ends the console while a stream is open: this would hang otherwise.
            _ = try await fixture.http.openStream("/updates")
        }
    }

    @Test func `changes of windows and sessions have their start and end`() async throws {
        try await ConsoleFixture.run { fixture in
            for time in [2_000, 5_000] as [Int64] { try fixture.write(ConsoleFixture.visits, "ada", "x", at: time) }
            _ = try await fixture.get("/stores/counts/get?key=ada", of: "/stores/{store}/get", until: "value", is: 2)
            for (store, end) in [("hourly", 10_000), ("sessions", 5_000)] as [(String, JSON)] {
                var (change, count) = (nil as JSON?, 0)
                while change?["value"] != 2 {
                    count += 1
                    let events = try await fixture.http.events("/stores/\(store)/changes?from=snapshot", count: count)
                    let event = try #require(events.last)
                    #expect(
                        try fixture.schema.complaints(
                            event: event.name, event.data, path: "/stores/{store}/changes"
                        ).isEmpty)
                    change = try JSON(event.data)
                }
                #expect(change?["key"] == "ada" && change?["end"] == end, "\(store)")
                #expect(change?["start"] == (store == "hourly" ? 0 : 2_000) && change?["timestamp"] == 5_000)
            }
        }
    }

    @Test func `changes of a table can start with a snapshot; other stores are rejected`() async throws {
        try await ConsoleFixture.run { fixture in
            try fixture.write(ConsoleFixture.visits, "ada", "<b>home</b>", at: 7)
            _ = try await fixture.get("/stores/counts/get?key=ada", of: "/stores/{store}/get", until: "value", is: 1)
            let path = "/stores/{store}/changes"
            let events = try await fixture.http.events("/stores/counts/changes?from=snapshot", count: 1)
            #expect(events.map(\.name) == ["change"])
            let change = try JSON(try #require(events.first).data)
            #expect(change["key"] == "ada" && change["value"] == 1 && change["timestamp"] == 7)
            #expect(try fixture.schema.complaints(event: "change", events[0].data, path: path).isEmpty)
            let stores = try await fixture.get("/stores", of: "/stores")["stores"]!.list
            let buffer = try #require(stores.first { $0["kind"] == "joinBuffer" }?["name"]?.text)
            let refused = try await fixture.get("/stores/\(buffer)/changes", of: path, status: 400)
            #expect(refused["kind"] == "wrongQuestion")
            let unknown = try await fixture.get("/stores/nope/changes", of: path, status: 404)
            #expect(unknown["kind"] == "unknownStore")
            _ = try await fixture.get("/stores/counts/changes?from=yesterday", of: path, status: 400)
            // The fixture ends the console while a stream is open: this would hang otherwise.
            _ = try await fixture.http.openStream("/stores/counts/changes")
        }
    }

    // MARK: Numbers

    @Test func `metrics are rendered for Prometheus, and lag is reported by group`() async throws {
        try await ConsoleFixture.run { fixture in
            try fixture.write(ConsoleFixture.visits, "ada", "home", at: 7)
            _ = try await fixture.get("/stores/counts/get?key=ada", of: "/stores/{store}/get", until: "value", is: 1)
            let metrics = try await fixture.http.send("/metrics")
            #expect(
                metrics.status == 200 && metrics.headers["content-type"]?.hasPrefix("text/plain; version=0.0.4") == true
            )
            let text = String(decoding: metrics.body, as: UTF8.self)
            #expect(text.contains("# TYPE moldau_client_state gauge"))
            #expect(text.contains("moldau_client_state{application=\"app\",state=\"running\"} 1\n"))
            // The first sample may have been taken before the first commit.
            var group: JSON?
            for _ in 0..<150 where group?["partitions"]?.list.isEmpty ?? true {
                group = try await fixture.get("/lag", of: "/lag")["groups"]?.list.first
                try await Task.sleep(for: .milliseconds(200))
            }
            #expect(group?["group"] == "app")
            #expect(group?["partitions"]?.list.isEmpty == false)
        }
    }

    private func encoded(_ text: String) -> String {
        text.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
    }
}

extension [String] {
    fileprivate func asEntries(value: JSON, at time: Int64) -> JSON {
        .list(map { ["key": .text($0), "value": value, "timestamp": .integer(time)] })
    }
}
