import MoldauRecords
import Testing

@testable import MoldauCLI

/// Maps offsets of a source to offsets of a target.
struct MirrorRunTests {
    private static func run(_ first: Int64, _ last: Int64, _ target: Int64, _ count: Int64) -> MirrorRun {
        MirrorRun(first: Offset(first), last: Offset(last), target: Offset(target), count: count)
    }

    /// Offsets 10 to 14 are records; 15 is none, 16 and 17 are, then 30, 35 and 40 of a compacted batch.
    private static let runs = MirrorRuns([
        run(16, 17, 106, 2), run(10, 14, 100, 5), run(30, 40, 109, 3),
    ])

    @Test(
        arguments: [
            (0, 100), (10, 100), (12, 102), (14, 104), (15, 105), (16, 106), (18, 108), (29, 108), (30, 109), (35, 109),
            (40, 109), (41, 112), (1_000, 112),
        ] as [(Int64, Int64)])
    func `no record is skipped, and none is read again unless the topic is compacted`(source: Int64, target: Int64) {
        #expect(Self.runs.target(of: Offset(source)) == Offset(target))
    }

    @Test func `an offset without copied records has no target`() {
        #expect(MirrorRuns().target(of: Offset(5)) == nil)
    }

    @Test func `runs of deleted records are removed`() {
        var runs = Self.runs
        #expect(runs.removeAll(before: Offset(17)).map(\.first) == [Offset(10)])
        #expect(runs.removeAll(before: Offset(17)).isEmpty)
        #expect(runs.target(of: Offset(0)) == Offset(106))
    }

    @Test func `adjacent runs are joined`() {
        let run = Self.run(1, 3, 11, 3)
        #expect(
            run.joined(with: Self.run(4, 4, 14, 1))
                == Self.run(1, 4, 11, 4))
        #expect(run.joined(with: Self.run(5, 5, 14, 1)) == nil)
        #expect(run.joined(with: Self.run(4, 4, 15, 1)) == nil)
        #expect(run.joined(with: Self.run(4, 9, 14, 2)) == nil)
    }

    @Test(arguments: [
        ("orders:0:5", "7:20:3", true), ("orders:0", "7:20:3", false), ("orders:-1:5", "7:20:3", false),
        ("orders:0:5", "4:20:3", false), ("orders:0:5", "7:20:0", false), ("orders:0:5", "7:20", false),
        (":0:5", "7:20:3", false), ("orders:0:5", "", false),
    ])
    func `stored runs are read back, and anything else is refused`(key: String, text: String, isNote: Bool) {
        let found = MirrorRun.read(key: key, text: text)
        #expect((found != nil) == isNote)
        guard let found else { return }
        #expect(found.run.key(of: found.partition) == key && found.run.text == text)
    }
}
