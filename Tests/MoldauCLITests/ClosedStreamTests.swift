import Foundation
import ProgramSupport
import Testing

struct ClosedStreamTests {
    @Test func `with closed standard streams no output is written into data files`() throws {
        try withTemporaryDirectory { directory in
            let program = BuiltProgram("moldau")
            let data = directory.appending(path: "data").path
            func run(_ script: String) throws {
                let outcome = try BuiltProgram(path: "/bin/sh").run(["-c", script, program.url.path, data])
                #expect(outcome.status == 0, "\(outcome.errors)")
            }
            try run(#""$0" topics create words --partitions 1 --data "$1" <&- >&- 2>&-"#)
            try run(#"printf 'a\nb\n' | "$0" produce words --data "$1" >&- 2>&-"#)
            let log = directory.appending(path: "data/topics/words-0/00000000000000000000.log")
            let before = try Data(contentsOf: log)
            try run(#""$0" consume words --data "$1" <&- >&- 2>&- || true"#)
            #expect(try Data(contentsOf: log) == before)
            let read = try program.run(["consume", "words", "--data", data])
            #expect(read.output.split(separator: "\n").count == 2, "\(read.output) \(read.errors)")
        }
    }
}
