import Foundation
import FuzzTargets
import MoldauRecords
import Testing

/// A short run with random mutations: `make fuzz TARGET=requests` searches longer, guided by coverage.
struct MutationTests {
    private static let corpus: [[UInt8]] = {
        let directory = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Corpus/requests")
        let files = try? FileManager.default.contentsOfDirectory(at: directory, includingPropertiesForKeys: nil)
        return (files ?? []).sorted { $0.path < $1.path }.compactMap { try? [UInt8](Data(contentsOf: $0)) }
    }()

    @Test(arguments: 0..<8 as Range<UInt64>)
    func `a server answers malformed requests, and continues`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        #expect(Self.corpus.count > 40)
        for _ in 0..<40 {
            let input = Self.mutated(Self.corpus, &random)
            #expect(throws: Never.self, "\(Data(input).base64EncodedString())") {
                try FuzzTarget.requests.run(input)
            }
        }
    }

    /// An input with the beginning of another appended, and some bytes changed, removed or inserted.
    private static func mutated(_ corpus: [[UInt8]], _ random: inout SeededGenerator) -> [UInt8] {
        var input = corpus.randomElement(using: &random) ?? []
        if Bool.random(using: &random) {
            let other = corpus.randomElement(using: &random) ?? []
            input += other.dropFirst().prefix(Int.random(in: 0..<500, using: &random))
        }
        for _ in 0..<Int.random(in: 1...8, using: &random) where !input.isEmpty {
            let place = Int.random(in: input.indices, using: &random)
            switch Int.random(in: 0..<5, using: &random) {
            case 0: input[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 1: input[place] = [0, 1, 0x7f, 0x80, 0xff].randomElement(using: &random) ?? 0
            case 2: input.remove(at: place)
            case 3: input.insert(UInt8.random(in: .min ... .max, using: &random), at: place)
            default: input.removeSubrange(place..<min(place + Int.random(in: 1..<20, using: &random), input.count))
            }
        }
        return input
    }
}
