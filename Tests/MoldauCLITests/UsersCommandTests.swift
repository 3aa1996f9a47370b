import Foundation
import ProgramSupport
import Testing

/// `moldau users`, run the way users run it.
struct UsersCommandTests {
    private let moldau = BuiltProgram("moldau")

    @Test func `users are added with a password from the standard input, listed and removed`() throws {
        try withTemporaryDirectory { directory in
            let data = directory.appending(path: "data").path
            let added = try moldau.run(["users", "add", "ada", "--data", data], input: "correct horse\n")
            #expect(added.status == 0 && added.output == "ada can log in\n", "\(added.errors)")
            let again = try moldau.run(["users", "add", "bob", "--data", data], input: "staple")
            #expect(again.status == 0, "\(again.errors)")
            let file = try String(contentsOfFile: "\(data)/topics/users.json", encoding: .utf8)
            #expect(file.contains("ada") && !file.contains("correct horse"))

            let listed = try moldau.run(["users", "list", "--data", data])
            #expect(
                listed.output.split(separator: "\n") == [
                    "ada: SCRAM-SHA-256 (8192 iterations), SCRAM-SHA-512 (8192 iterations)",
                    "bob: SCRAM-SHA-256 (8192 iterations), SCRAM-SHA-512 (8192 iterations)",
                ])
            #expect(try moldau.run(["users", "remove", "ada", "--data", data]).output == "removed ada\n")
            let missing = try moldau.run(["users", "remove", "ada", "--data", data])
            #expect(missing.status != 0 && missing.errors.contains("there is no user 'ada'"), "\(missing.errors)")
            #expect(try moldau.run(["users", "list", "--data", data]).output.hasPrefix("bob: "))
        }
    }

    @Test func `a user without a password is not added`() throws {
        try withTemporaryDirectory { directory in
            let data = directory.appending(path: "data").path
            let outcome = try moldau.run(["users", "add", "ada", "--data", data], input: "\n")
            #expect(outcome.status != 0 && outcome.errors.contains("password of 'ada'"), "\(outcome.errors)")
            let named = try moldau.run(["users", "add", "ada", "secret", "--data", data], input: "secret\n")
            #expect(named.status != 0)
        }
    }
}
