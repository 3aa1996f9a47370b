import Foundation
import FuzzTargets
import Testing

/// Reruns the inputs that fuzzing found: `make fuzz TARGET=… SECONDS=…` searches for others.
struct CorpusTests {
    @Test(arguments: FuzzTarget.allCases)
    func `no input of the fuzzing corpus breaks a promise`(target: FuzzTarget) throws {
        let directory = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Corpus/\(target.rawValue)")
        let files = try FileManager.default.contentsOfDirectory(at: directory, includingPropertiesForKeys: nil)
        #expect(files.count >= 4)
        for file in files.sorted(by: { $0.path < $1.path }) {
            #expect(throws: Never.self, "\(file.lastPathComponent)") {
                try target.run([UInt8](try Data(contentsOf: file)))
            }
        }
    }
}
