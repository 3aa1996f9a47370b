import MoldauRuntime

extension Routes {
    /// The OpenAPI 3.1 description of the console.
    static func descriptionRoute(of routes: [Route]) -> Route {
        let text = OpenAPI.document(of: routes).text
        return Route("/openapi.json", "This description.", .json("Document")) { _ in
            Answer(text: text, type: "application/json")
        }
    }
}

/// Describes routes by OpenAPI 3.1.
enum OpenAPI {
    static func document(of routes: [Route]) -> JSONValue {
        [
            "openapi": "3.1.0",
            "info": [
                "title": "Moldau console", "version": "1",
                "description": "Read-only. Times are milliseconds since 1970; what is missing is null or left out.",
            ],
            "paths": .object(routes.map { .init(name: $0.path, value: ["get": operation($0)]) }),
            "components": [
                "schemas": .encoded(OpenAPISchemas.text),
                "securitySchemes": ["token": ["type": "http", "scheme": "bearer"]],
            ],
            "security": [[:], ["token": []]],
        ]
    }

    private static func operation(_ route: Route) -> JSONValue {
        let path = route.pathParameters.map { name -> JSONValue in
            ["name": .string(name), "in": "path", "required": .bool(true), "schema": Route.Parameter.text]
        }
        let query = route.parameters.map { parameter -> JSONValue in
            [
                "name": .string(parameter.name), "in": "query", "required": .bool(parameter.isRequired),
                "description": .string(parameter.meaning), "schema": parameter.schema,
            ]
        }
        return [
            "summary": .string(route.summary), "parameters": .array(path + query),
            "responses": [
                "200": ["description": "The answer.", "content": route.content.described],
                "503": [
                    "description": "Not now.",
                    "content": [
                        "application/json": ["schema": ["anyOf": [reference("Error"), reference("Readiness")]]]
                    ],
                ],
                "default": [
                    "description": "Why not.", "content": ["application/json": ["schema": reference("Error")]],
                ],
            ],
        ]
    }

    fileprivate static func reference(_ schema: String) -> JSONValue {
        ["$ref": .string("#/components/schemas/\(schema)")]
    }
}

extension Route.Content {
    fileprivate var described: JSONValue {
        switch self {
        case .json(let schema): ["application/json": ["schema": OpenAPI.reference(schema)]]
        case .text: ["text/plain": ["schema": Route.Parameter.text]]
        case .html: ["text/html": ["schema": Route.Parameter.text]]
        case .events(let events):
            [
                "text/event-stream": [
                    "schema": Route.Parameter.text,
                    "x-events": .object(events.map { .init(name: $0.name, value: OpenAPI.reference($0.schema)) }),
                ]
            ]
        }
    }
}
