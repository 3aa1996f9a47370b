// Made by Tests/Tools/extract_examples.py from the documentation. Do not edit: `make examples` does.
// swift-format-ignore-file

import Moldau
import Testing

struct WindowExamples {
    @Test func `Window/CustomWindows.swift: init`() throws {
        try Example.run(
            """
            clicks: ada@5=/home, ada@50=/home
            counts: ada[0-10]=1, ada[10-100]=1
            """
        ) { example in
            let clicks = example.clicks
            let edges: [Int64] = [0, 10, 100]
            let windows = CustomWindows(size: .seconds(90), grace: .zero) { time in
                zip(edges, edges.dropFirst())
                    .map { Window(start: Timestamp(ms: $0 * 1_000), end: Timestamp(ms: $1 * 1_000)) }
                    .filter { $0.start <= time && time < $0.end }
            }
            let counts = clicks.groupByKey().windowedBy(windows).count()
            example.show("counts", counts)
        }
    }

    @Test func `Window/CustomWindows.swift: unlimited`() throws {
        try Example.run(
            """
            clicks: ada@10=/home, ada@70=/home, ada@1000=/home
            counts: ada=1, ada=2
            """
        ) { example in
            let clicks = example.clicks
            let counts = clicks.groupByKey().windowedBy(.unlimited(from: Timestamp(ms: 60_000))).count()
                .toStream { windowed, _ in windowed.key }
            example.show("counts", counts)
        }
    }

    @Test func `Window/SessionWindowedKStream.swift: windowedBy`() throws {
        try Example.run(
            """
            clicks: ada@10=/home, ada@20=/shop, ada@90=/home
            visits: ada[10-10]=1, ada[10-10]=nil, ada[10-20]=2, ada[90-90]=1
            """
        ) { example in
            let clicks = example.clicks
            let visits = clicks.groupByKey().windowedBy(.sessions(gap: .seconds(30), grace: .zero)).count()
            example.show("visits", visits)
        }
    }

    @Test func `Window/SessionWindowedKStream.swift: count`() throws {
        try Example.run(
            """
            clicks: ada@10=/home, ada@20=/shop, ada@90=/home
            visits: ada[10-20]=2
            """
        ) { example in
            let clicks = example.clicks
            let visits = clicks.groupByKey()
                .windowedBy(.sessions(gap: .seconds(30), grace: .zero), emit: .onWindowClose).count()
            example.show("visits", visits)
        }
    }

    @Test func `Window/SessionWindowedKStream.swift: aggregate`() throws {
        try Example.run(
            """
            clicks: ada@10=/home, ada@20=/shop, ada@90=/home
            visits: ada[10-20]=/home/shop
            """
        ) { example in
            let clicks = example.clicks
            let visits = clicks.groupByKey().windowedBy(.sessions(gap: .seconds(30), grace: .zero), emit: .onWindowClose)
                .aggregate("") { pages, _, page in pages += page } merging: { pages, _, later in pages += later }
            example.show("visits", visits)
        }
    }

    @Test func `Window/SessionWindowedKStream.swift: aggregate (2)`() throws {
        try Example.run(
            """
            clicks: ada@10=/home, ada@20=/, ada@90=/home
            longest: ada[10-20]=5
            """
        ) { example in
            let clicks = example.clicks
            let longest = clicks.groupByKey().windowedBy(.sessions(gap: .seconds(30), grace: .zero), emit: .onWindowClose)
                .aggregate({ 0 }, result: Int.serde) { length, _, page in max(page.count, length) }
                    merging: { one, _, other in max(one, other) }
            example.show("longest", longest)
        }
    }

    @Test func `Window/SessionWindowedKStream.swift: reduce`() throws {
        try Example.run(
            """
            clicks: ada@10=/home, ada@20=/shop, ada@90=/home
            paths: ada[10-20]=/home/shop
            """
        ) { example in
            let clicks = example.clicks
            let paths = clicks.groupByKey().windowedBy(.sessions(gap: .seconds(30), grace: .zero), emit: .onWindowClose)
                .reduce { path, page in path + page }
            example.show("paths", paths)
        }
    }

    @Test func `Window/SessionWindows.swift: sessions`() throws {
        try Example.run(
            """
            clicks: ada@0=/home, ada@30=/shop, ada@61=/home
            visits: ada[0-30]=2
            """
        ) { example in
            let clicks = example.clicks
            let visits = clicks.groupByKey().windowedBy(.sessions(gap: .seconds(30), grace: .seconds(10)))
                .count().filter { _, count in count > 1 }
            example.show("visits", visits)
        }
    }

    @Test func `Window/TimeWindowedKStream.swift: windowedBy`() throws {
        try Example.run(
            """
            clicks: ada@10=/home, ada@20=/shop, ada@70=/home
            counts: ada[0-60]=2
            """
        ) { example in
            let clicks = example.clicks
            let counts = clicks.groupByKey().windowedBy(.tumbling(.seconds(60), grace: .seconds(5)), emit: .onWindowClose)
                .count()
            example.show("counts", counts)
        }
    }

    @Test func `Window/TimeWindowedKStream.swift: windowedBy (2)`() throws {
        try Example.run(
            """
            clicks: ada@10=/home, ada@70=/home
            counts: ada=1, ada=2
            """
        ) { example in
            let clicks = example.clicks
            let counts = clicks.groupByKey().windowedBy(.unlimited()).count().toStream { windowed, _ in windowed.key }
            example.show("counts", counts)
        }
    }

    @Test func `Window/TimeWindowedKStream.swift: count`() throws {
        try Example.run(
            """
            clicks: ada@10=/home, ada@20=/shop, ada@70=/home
            counts: ada[0-60]=1, ada[0-60]=2, ada[60-120]=1
            """
        ) { example in
            let clicks = example.clicks
            let counts = clicks.groupByKey().windowedBy(.tumbling(.seconds(60), grace: .zero)).count()
            example.show("counts", counts)
        }
    }

    @Test func `Window/TimeWindowedKStream.swift: aggregate`() throws {
        try Example.run(
            """
            payments: o1@10=60, o1@20=10, o1@70=5
            paid: o1[0-60]=60, o1[0-60]=70, o1[60-120]=5
            """
        ) { example in
            let payments = example.payments
            let paid = payments.groupByKey().windowedBy(.tumbling(.seconds(60), grace: .zero))
                .aggregate(0) { sum, _, payment in sum += payment }
            example.show("paid", paid)
        }
    }

    @Test func `Window/TimeWindowedKStream.swift: aggregate (2)`() throws {
        try Example.run(
            """
            clicks: ada@10=/home, ada@20=/bye
            latest: ada[0-60]=/home, ada[0-60]=nil
            """
        ) { example in
            let clicks = example.clicks
            let latest = clicks.groupByKey().windowedBy(.tumbling(.seconds(60), grace: .zero))
                .aggregate({ "" }, result: String.serde) { _, _, page in page == "/bye" ? nil : page }
            example.show("latest", latest)
        }
    }

    @Test func `Window/TimeWindowedKStream.swift: reduce`() throws {
        try Example.run(
            """
            payments: o1@10=60, o1@20=10, o1@70=5
            largest: o1[0-60]=60, o1[0-60]=60, o1[60-120]=5
            """
        ) { example in
            let payments = example.payments
            let largest = payments.groupByKey().windowedBy(.tumbling(.seconds(60), grace: .zero)).reduce { max($0, $1) }
            example.show("largest", largest)
        }
    }

    @Test func `Window/TimeWindows.swift: tumbling`() throws {
        try Example.run(
            """
            clicks: ada@59=/home, ada@60=/home
            counts: ada[0-60]=1, ada[60-120]=1
            """
        ) { example in
            let clicks = example.clicks
            let counts = clicks.groupByKey().windowedBy(.tumbling(.seconds(60), grace: .zero)).count()
            example.show("counts", counts)
        }
    }

    @Test func `Window/TimeWindows.swift: hopping`() throws {
        try Example.run(
            """
            clicks: ada@70=/home
            counts: ada[30-90]=1, ada[60-120]=1
            """
        ) { example in
            let clicks = example.clicks
            let counts = clicks.groupByKey().windowedBy(.hopping(.seconds(60), every: .seconds(30), grace: .zero)).count()
            example.show("counts", counts)
        }
    }

    @Test func `Window/TimeWindows.swift: sliding`() throws {
        try Example.run(
            """
            clicks: ada@20=/home, ada@25=/shop
            counts: ada[10-20]=1, ada[20-30]=1, ada[15-25]=2
            """
        ) { example in
            let clicks = example.clicks
            let counts = clicks.groupByKey().windowedBy(.sliding(.seconds(10), grace: .zero)).count()
            example.show("counts", counts)
        }
    }

    @Test func `Window/WindowedCogroup.swift: windowedBy`() throws {
        try Example.run(
            """
            deposits: ada@10=100
            withdrawals: ada@20=30, ada@70=1
            flows: ada[0-60]=100, ada[0-60]=70, ada[60-120]=-1
            """
        ) { example in
            let deposits = example.deposits
            let withdrawals = example.withdrawals
            let flows = deposits.groupByKey().cogroup(Int.self) { flow, _, amount in flow += amount }
                .cogroup(withdrawals.groupByKey()) { flow, _, amount in flow -= amount }
                .windowedBy(.tumbling(.seconds(60), grace: .zero)).aggregate(0)
            example.show("flows", flows)
        }
    }

    @Test func `Window/WindowedCogroup.swift: windowedBy (2)`() throws {
        try Example.run(
            """
            deposits: ada@10=100, ada@70=5
            flows: ada=100, ada=105
            """
        ) { example in
            let deposits = example.deposits
            let flows = deposits.groupByKey().cogroup(Int.self) { flow, _, amount in flow += amount }
                .windowedBy(.unlimited()).aggregate(0).toStream { windowed, _ in windowed.key }
            example.show("flows", flows)
        }
    }

    @Test func `Window/WindowedCogroup.swift: windowedBy (3)`() throws {
        try Example.run(
            """
            deposits: ada@10=100, ada@20=10
            flows: ada[10-10]=100, ada[10-10]=nil, ada[10-20]=110
            """
        ) { example in
            let deposits = example.deposits
            let flows = deposits.groupByKey().cogroup(Int.self) { flow, _, amount in flow += amount }
                .windowedBy(.sessions(gap: .seconds(30), grace: .zero))
                .aggregate(0) { flow, _, later in flow += later }
            example.show("flows", flows)
        }
    }

    @Test func `Window/WindowedCogroup.swift: aggregate`() throws {
        try Example.run(
            """
            deposits: ada@10=100, ada@70=5
            flows: ada[0-60]=100, ada[60-120]=5
            """
        ) { example in
            let deposits = example.deposits
            let flows = deposits.groupByKey().cogroup(Int.self) { flow, _, amount in flow += amount }
                .windowedBy(.tumbling(.seconds(60), grace: .zero)).aggregate(0)
            example.show("flows", flows)
        }
    }

    @Test func `Window/WindowedCogroup.swift: aggregate (2)`() throws {
        try Example.run(
            """
            deposits: ada@10=100, ada@90=5
            flows: ada[10-10]=100, ada[90-90]=5
            """
        ) { example in
            let deposits = example.deposits
            let flows = deposits.groupByKey().cogroup(Int.self) { flow, _, amount in flow += amount }
                .windowedBy(.sessions(gap: .seconds(30), grace: .zero))
                .aggregate(0) { flow, _, later in flow += later }
            example.show("flows", flows)
        }
    }
}
